import { expect, it, jest } from '@jest/globals';

jest.unstable_mockModule('ioredis', () => {
  throw new Error("Cannot find package 'ioredis'");
});

it.each(['redis://localhost', { host: 'localhost' }])(
  'redis: %p without the package ioredis stops the boot, and says what to install',
  async (redis) => {
    const { connect } = await import('../../../lib/stores/redis/connect.js');
    await expect(connect(redis, () => {})).rejects.toMatchObject({
      code: 'IOREDIS_MISSING',
      message: expect.stringMatching(
        /^RateLimitModule\.forRoot: redis is set, but .*; run npm install ioredis/,
      ),
      cause: expect.objectContaining({ message: "Cannot find package 'ioredis'" }),
    });
  },
);
