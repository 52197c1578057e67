import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { byAll, byGlobal, byIp, byUser, fromIps } from '../../../lib/index.js';
import { keyIdentity, keyText, needsUser } from '../../../lib/keys/key-resolver.js';
import { ProxyWatch } from '../../../lib/keys/proxy-watch.js';

describe('a question under watch', () => {
  const watch = new ProxyWatch();
  const own = () => 'text';

  it.each([
    ['byIp()', byIp()],
    ['a combination', byAll(byIp(), byUser())],
    ['one with a function of its own', byAll(byIp(), own)],
  ])('is what it was, to all who compare and describe it: %s', (_, key) => {
    const watched = watch.over(key);

    expect(watched).not.toBe(key);
    expect([keyText(watched), needsUser(watched)]).toEqual([keyText(key), needsUser(key)]);
    expect(keyIdentity(watch.over(key))).toBe(keyIdentity(watched));
  });

  it('keeps the name of a predicate', () => {
    expect(watch.over(fromIps('10.0.0.0/8')).name).toBe('fromIps(10.0.0.0/8)');
  });

  it('is the question itself where no address is read', () => {
    for (const key of [byGlobal(), own, byUser()]) expect(watch.over(key)).toBe(key);
  });
});

describe('a watch', () => {
  class Cats {
    find() {}
  }
  const request = (headers: object) =>
    ({
      getType: () => 'http',
      getClass: () => Cats,
      getHandler: () => Cats.prototype.find,
      getArgByIndex: () => ({ headers, ip: '10.0.0.1' }),
    }) as unknown as ExecutionContext;
  const forwarded = request({ 'x-forwarded-for': '203.0.113.7' });

  it('reports one request that was forwarded, and no other before or after', () => {
    const [watch, reports]: [ProxyWatch, string[]] = [new ProxyWatch(), []];
    const key = watch.over(byIp());
    key(forwarded);
    watch.start((route) => reports.push(route));
    key(request({}));
    expect(reports).toEqual([]);

    expect([key(forwarded), key(forwarded), watch.over(byIp())(forwarded)]).toEqual(
      Array(3).fill('10.0.0.1'),
    );
    expect(reports).toEqual(['Cats.find']);
  });
});
