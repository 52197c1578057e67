import { afterEach, describe, expect, it, jest } from '@jest/globals';

const PACKAGES = ['@nestjs/websockets', '@nestjs/microservices', 'graphql'] as const;
for (const name of PACKAGES) {
  jest.unstable_mockModule(name, () => {
    throw new Error(`Cannot find package '${name}'`);
  });
}

const { Transports } = await import('../../../lib/transport/transports.js');
const { HttpTransport } = await import('../../../lib/transport/http/http.transport.js');
const { Refusals } = await import('../../../lib/transport/refusals.js');
const refusals = new Refusals();
const load = (...kinds: string[]) =>
  Transports.load(
    new HttpTransport({ headers: 'standard', sourceHeader: false }, refusals),
    new Set(kinds),
    refusals,
  );

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a package of a transport that is not installed', () => {
  it('is not missed where nothing of its kind is limited', async () => {
    await expect(load('http')).resolves.toBeDefined();
  });

  it.each([
    ['ws', PACKAGES[0]],
    ['rpc', PACKAGES[1]],
    ['graphql', PACKAGES[2]],
  ])('stops the boot where %s is limited, and says what to install', async (kind, name) => {
    await expect(load('http', kind)).rejects.toMatchObject({
      code: 'TRANSPORT_PACKAGE_MISSING',
      message: expect.stringContaining(`run npm install ${name}`),
      cause: expect.objectContaining({ message: `Cannot find package '${name}'` }),
    });
  });
});
