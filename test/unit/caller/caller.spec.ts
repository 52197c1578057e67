// Whom the keys find, in the shapes that frameworks and applications give to requests, contexts and clients.
import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { callerOf } from '../../../lib/caller/caller-of.js';
import { byHeader, byIp } from '../../../lib/index.js';

const context = (type: string, args: unknown[]): ExecutionContext =>
  ({
    getType: () => type,
    getArgs: () => args,
    getClass: () => class Cats {},
    getHandler: () => function find() {},
    getArgByIndex: (index: number) => args[index],
    switchToWs: () => ({ getClient: () => args[0] }),
  }) as unknown as ExecutionContext;

const headers = { 'x-who': 'ada' };
const user = { id: 'ada' };
const raw = { headers, socket: { remoteAddress: '192.0.2.1' } };

describe('the caller of a resolver', () => {
  it.each<[string, object]>([
    ['req', { req: { headers, ip: '192.0.2.1', user } }],
    ['req of Node', { req: raw, user }],
    ['reply.request of Mercurius', { reply: { request: { headers, ip: '192.0.2.1', user } } }],
    ['request of a subscription on Mercurius', { request: { headers, ip: '192.0.2.1' }, user }],
    ['the connection of graphql-ws', { req: { extra: { request: raw, user } } }],
    ['the connection of graphql-ws, as a guard notes a user', { req: { extra: { request: raw }, user } }],
    ['extra in a context of the application', { extra: { request: raw, user } }],
  ])('is found by %s', (_, value) => {
    const caller = callerOf(context('graphql', [{}, {}, value, {}]))!;
    expect([caller.ip, caller.headers, caller.user]).toEqual(['192.0.2.1', headers, user]);
  });

  it('is found where a reference of a federation is resolved, which has no arguments', () => {
    expect(callerOf(context('graphql', [{}, { req: raw }, {}]))?.ip).toBe('192.0.2.1');
  });

  it.each([[undefined], [null], ['text'], [{}], [{ req: {} }]])('is not known by the context %p', (value) => {
    const caller = callerOf(context('graphql', [{}, {}, value, {}]))!;
    expect([caller.ip, caller.headers, caller.user, caller.connection]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('the client of a gateway', () => {
  it.each<[string, object, unknown[]]>([
    [
      'socket.io',
      { handshake: { address: '192.0.2.1', headers }, data: { user } },
      ['192.0.2.1', headers, user],
    ],
    [
      'socket.io with a session',
      { handshake: { address: '192.0.2.1', headers }, request: { user } },
      ['192.0.2.1', headers, user],
    ],
    ['ws', { readyState: 1, _socket: raw.socket, user }, ['192.0.2.1', undefined, user]],
    [
      'ws whose request the gateway keeps',
      { readyState: 1, request: raw },
      ['192.0.2.1', headers, undefined],
    ],
    ['ws that is closed', { readyState: 3, _socket: {} }, ['', undefined, undefined]],
    ['another library', {}, [undefined, undefined, undefined]],
  ])('of %s', (_, client, expected) => {
    const caller = callerOf(context('ws', [client]))!;
    expect([caller.ip, caller.headers, caller.user]).toEqual(expected);
  });
});

describe('a key that cannot be read is an error that names the handler and says what to write', () => {
  it.each([
    ['rpc', byIp(), /^Cats\.find: byIp\(\) reads the address of an HTTP request, .*rpc.*key: \(context\) =>/],
    [
      'ws',
      byHeader('x-who'),
      /^Cats\.find: byHeader\('x-who'\) reads the headers .*client\.request = request/,
    ],
  ])('in %s', (type, key, message) => {
    expect(() => key(context(type, [{ readyState: 1, _socket: {} }]))).toThrow(
      expect.objectContaining({ code: 'NO_HTTP_REQUEST', message: expect.stringMatching(message) }),
    );
  });
});
