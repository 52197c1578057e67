import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { connectionOf } from '../../../lib/caller/connection.js';

const open = () => {
  const emitter = new EventEmitter();
  const called: number[] = [];
  const connection = connectionOf(emitter, 'close', () => false);
  const listen = (id: number) => connection.onGone(() => called.push(id));
  return { emitter, called, listen, connection };
};

describe('a connection', () => {
  it('has one listener of ours, however many wait for its end, and none when nobody does', () => {
    const { emitter, listen } = open();
    const stops = Array.from({ length: 50 }, (_, i) => listen(i));

    expect(emitter.listenerCount('close')).toBe(1);
    for (const stop of stops) stop();
    expect(emitter.listenerCount('close')).toBe(0);
  });

  it('tells everyone who has not stopped listening, once', () => {
    const { emitter, called, listen } = open();
    const stops = [1, 2, 3].map(listen);
    stops[1]!();
    emitter.emit('close');

    expect(called).toEqual([1, 3]);
  });

  it('bears that those whom it tells stop listening', () => {
    const { emitter, called, connection } = open();
    for (const id of [1, 2]) {
      const stop = connection.onGone(() => {
        called.push(id);
        stop();
      });
    }
    emitter.emit('close');

    expect(called).toEqual([1, 2]);
    expect(emitter.listenerCount('close')).toBe(0);
  });

  it('is not closed twice by one who stops twice', () => {
    const { emitter, called, listen } = open();
    const stop = listen(1);
    stop();
    listen(2);
    stop();
    emitter.emit('close');

    expect(called).toEqual([2]);
    expect(emitter.listenerCount('close')).toBe(1);
  });

  it('that has ended already tells so at once', () => {
    const emitter = new EventEmitter();
    const called: string[] = [];
    const stop = connectionOf(emitter, 'close', () => true).onGone(() => called.push('gone'));
    stop();

    expect(called).toEqual(['gone']);
    expect(emitter.listenerCount('close')).toBe(0);
  });
});
