import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AcquireCredentialOptions,
  type BlockOptions,
  type Credential,
  CredentialPool,
  type CredentialPoolOptions,
  leakyBucket,
  type RateLimitErrorCode,
  type TakenCredential,
  tokenBucket,
} from '../../../lib/index.js';
import type { Store } from '../../../lib/stores/store.interface.js';
import { expectMistake } from '../../support/mistake.js';
import { serviceOn } from '../../support/service.js';

/** A store that fails the test when it is asked for more than the limits in force. */
const untouched = new Proxy({} as Store, {
  get: (_, member) => {
    if (member === 'readLimits') return () => new Map();
    // Whether it has this is asked once, and it has not.
    if (member === 'decidePlain' || member === 'enqueue') return undefined;
    throw new Error(`the store was asked to ${String(member)}`);
  },
});

const policy = tokenBucket({ capacity: 10, rate: 5 });
const credentials = [
  { id: 'first', value: 'secret-1' },
  { id: 'second', value: 'secret-2' },
];
const options = { name: 'github', policy, credentials };

const { service } = serviceOn(untouched);
const poolOf = (changed: object) => new CredentialPool(service, { ...options, ...changed });

type Misuse = [object, RateLimitErrorCode, string, string, string];

const invalid = (changed: object, place: string, value: string, fix: string): Misuse => [
  changed,
  'INVALID_OPTION',
  place,
  value,
  fix,
];

const [plain, named] = ['CredentialPool: ', "CredentialPool 'github': "];
const withCredential = (changed: object) => ({
  credentials: [credentials[0], { ...credentials[1], ...changed }],
});
const second = `${named}credentials[1]: `;

const misuses: Misuse[] = [
  ...([undefined, null, '', 5, {}, []] as const).map((name): Misuse => {
    return [{ name }, 'INVALID_NAME', plain, 'name is ', 'write 1 to 128 printable ASCII characters'];
  }),
  ...['git hub', 'git:hub', 'git{hub}', 'gît', '"', 'x'.repeat(129)].map((name): Misuse => {
    return [{ name }, 'INVALID_NAME', plain, 'name is "', "as 'chat'"];
  }),
  [
    { credential: [] },
    'UNKNOWN_OPTION',
    plain,
    'there is no option "credential"',
    'write one of name, credentials',
  ],
  [
    { isSticky: true },
    'UNKNOWN_OPTION',
    plain,
    'there is no option "isSticky"',
    'policy, sticky, read, maxBlockMs, isRevoked',
  ],
  invalid({ sticky: 'yes' }, named, 'sticky is "yes" (string)', 'write true or false'),
  invalid({ sticky: 1 }, named, 'sticky is 1 (number)', 'write true or false'),
  invalid({ sticky: null }, named, 'sticky is null', 'write true or false'),
  invalid({ read: 'readGitHub' }, named, 'read is "readGitHub" (string)', 'write readGitHub'),
  invalid({ read: null }, named, 'read is null', 'write readGitHub'),
  invalid({ isRevoked: [401] }, named, 'isRevoked is Array (array)', 'write ({ status }) => status === 401'),
  invalid({ isRevoked: null }, named, 'isRevoked is null', 'write ({ status }) => status === 401'),
  ...([undefined, null, {}, 'secret-1', []] as const).map((list) =>
    invalid({ credentials: list }, named, 'credentials is ', "write [{ id: 'first', value: token }]"),
  ),
  ...([undefined, null, 5, []] as const).map((credential) => {
    const value = 'the options are ';
    return invalid(
      { credentials: [credentials[0], credential] },
      second,
      value,
      "write { id: 'first', value: token }",
    );
  }),
  invalid(
    { credentials: ['secret-1'] },
    `${named}credentials[0] `,
    'is a text, not shown',
    "write { id: 'first', value: token }",
  ),
  [
    withCredential({ token: 'x' }),
    'UNKNOWN_OPTION',
    second,
    'there is no option "token"',
    'write one of id, value, policy',
  ],
  ...([undefined, null, '', 5, {}] as const).map((id) =>
    invalid(withCredential({ id }), second, 'id is ', "write 'first'"),
  ),
  invalid(withCredential({ id: 'first' }), second, 'the id "first" (string) is taken', 'write another'),
  [withCredential({ id: 'a b' }), 'INVALID_NAME', second, 'name is "github/a b" (string)', 'without spaces'],
  [withCredential({ id: 'x'.repeat(128) }), 'INVALID_NAME', second, 'name is "github/xxx', '1 to 128'],
  invalid(
    { policy: undefined },
    `${named}credentials[0]: `,
    'policy is undefined',
    'write tokenBucket({ capacity, rate })',
  ),
  invalid(
    { policy: { capacity: 5, rate: 1 } },
    `${named}credentials[0]: `,
    'policy is Object (object)',
    'here or for the pool',
  ),
  invalid(
    { policy: 'chat' },
    `${named}credentials[0]: `,
    'policy is "chat" (string)',
    'here or for the pool',
  ),
  ...([undefined, null, ''] as const).map((value) =>
    invalid(withCredential({ value }), second, 'value is ', 'write the credential itself'),
  ),
  invalid(
    { policy: tokenBucket({ limits: () => 'unlimited' }) },
    `${named}credentials[0]: `,
    'the policy has limits',
    'write capacity and rate',
  ),
  invalid({ maxBlockMs: -1 }, `${named}maxBlockMs `, 'maxBlockMs is -1', 'write an integer'),
  invalid(withCredential({ policy: null }), second, 'policy is null', 'here or for the pool'),
];

describe('a pool is not made of', () => {
  it.each(misuses)('%p', async (changed, code, place, value, fix) => {
    await expectMistake(() => poolOf(changed), { code, place, value, fix });
  });

  it.each([undefined, null, 5, 'github', []])('%p instead of options', async (all) => {
    await expectMistake(() => new CredentialPool(service, all as unknown as CredentialPoolOptions<string>), {
      code: 'INVALID_OPTION',
      place: plain,
      value: 'the options are ',
      fix: 'credentials: [{ id, value }]',
    });
  });
});

it('no message shows the value of a credential', () => {
  for (const [changed] of misuses) {
    expect(() => poolOf(changed)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret-') }),
    );
  }
});

it('a pool is made of what is left, with what each credential has of its own', async () => {
  const line = leakyBucket({ capacity: 5, rate: 1 });
  const own: Credential<unknown>[] = [
    { id: 'a', value: 0, policy: line },
    { id: 'b', value: { token: 1 } },
  ];
  for (const changed of [
    {},
    { credentials: own },
    { sticky: true, read: () => undefined, isRevoked: () => false },
  ]) {
    await expect(poolOf(changed).consume()).rejects.toThrow('the store was asked to decide');
  }
});

describe('before it asks the store, a pool rejects', () => {
  let pool: CredentialPool<string>;
  const never = (): never => {
    throw new Error('the task was called');
  };

  beforeEach(() => {
    pool = new CredentialPool(service, options);
  });

  type Take = (options: AcquireCredentialOptions) => Promise<unknown>;
  const takes: [string, string, Take][] = [
    ['consume', 'cost', (taking) => pool.consume(taking)],
    ['acquire', 'cost, maxWaitMs, signal', (taking) => pool.acquire(taking)],
    ['run', 'cost, maxWaitMs, signal', (taking) => pool.run(never, taking)],
  ];

  describe.each(takes)('what %s does not know:', (method, known, take) => {
    const place = `CredentialPool.${method === 'run' ? 'acquire' : method}: `;

    it.each([null, 5, []])('%p', async (taking) => {
      const mistake = {
        code: 'INVALID_OPTION',
        place,
        value: 'the options are ',
        fix: 'write { cost: 2 }',
      } as const;
      await expectMistake(() => take(taking as object), mistake);
    });

    it.each([{ costs: 2 }, { prefer: 1 }, { key: 'x' }])('%j', async (taking) => {
      const value = `there is no option "${Object.keys(taking)[0]}"`;
      await expectMistake(() => take(taking as object), {
        code: 'UNKNOWN_OPTION',
        place,
        value,
        fix: `one of ${known}`,
      });
    });

    it.each([-1, 0.5, '1', null])('a cost of %p', async (cost) => {
      const mistake = {
        code: 'INVALID_COST',
        value: 'cost is ',
        fix: 'write an integer of at least 0',
      } as const;
      const call = `RateLimiterService.${method === 'consume' ? 'consumeAny' : 'acquireAny'}: `;
      await expectMistake(() => take({ cost: cost as number }), { ...mistake, place: call });
    });
  });

  it.each([
    [{ maxWaitMs: -1 }, 'maxWaitMs is -1 (number)', 'write an integer from 0'],
    [{ maxWaitMs: '5' }, 'maxWaitMs is "5" (string)', 'write an integer from 0'],
    [{ signal: {} }, 'signal is Object (object)', 'write an AbortSignal'],
  ])('%p of acquire', async (taking, value, fix) => {
    const place = 'RateLimiterService.acquireAny: ';
    await expectMistake(() => pool.acquire(taking as object), { code: 'INVALID_OPTION', place, value, fix });
  });

  it.each([undefined, null, 'https://example.com', {}])('%p instead of a task', async (task) => {
    await expectMistake(() => pool.run(task as never), {
      code: 'INVALID_OPTION',
      place: 'CredentialPool.run: task is ',
      value: 'task is ',
      fix: 'write ({ value }) => fetch(url, …)',
    });
  });

  const stranger = { id: 'third', value: '', decision: {} } as TakenCredential<string>;
  const byId: [string, (id: string) => Promise<unknown>][] = [
    ['quarantine', (id) => pool.quarantine(id)],
    ['restore', (id) => pool.restore(id)],
    ['sync', (id) => pool.sync({ ...stranger, id }, { remaining: 1 })],
  ];

  it.each(byId)('an id that it does not know, in %s: with a promise, as everything', async (method, call) => {
    for (const id of ['third', '', undefined as never, 0 as never, 'First']) {
      const answer = call(id);
      await expectMistake(() => answer, {
        code: 'UNKNOWN_CREDENTIAL',
        place: `CredentialPool.${method}: `,
        value: "is none of 'github'",
        fix: "write an id, one of 'first', 'second'",
      });
    }
  });

  it.each(byId)('a value instead of an id, in %s, without showing it', async (method, call) => {
    const error = await call('secret-1').catch(({ message }: Error) => message);
    expect(error).toBe(
      `CredentialPool.${method}: the value of a credential is none of 'github'; write an id, one of 'first', 'second' [UNKNOWN_CREDENTIAL]`,
    );
  });

  it.each([
    [null, 'the options are null', 'write { forMs: 60_000 }', 'INVALID_OPTION'],
    [60_000, 'the options are 60000 (number)', 'write { forMs: 60_000 }', 'INVALID_OPTION'],
    [{ forMs: -1 }, 'forMs is -1 (number)', 'write an integer from 0', 'INVALID_OPTION'],
    [{ ms: 60_000 }, 'there is no option "ms"', 'write one of forMs', 'UNKNOWN_OPTION'],
  ] as const)('a quarantine with %p', async (block, value, fix, code) => {
    const place = 'RateLimiterService.block: ';
    await expectMistake(() => pool.quarantine('first', block as unknown as BlockOptions), {
      code,
      place,
      value,
      fix,
    });
  });

  it.each([
    [
      undefined,
      { remaining: 1 },
      'CredentialPool.sync: credential: ',
      'the options are undefined',
      'has answered',
    ],
    [
      'first',
      { remaining: 1 },
      'CredentialPool.sync: credential: ',
      'the options are "first"',
      'has answered',
    ],
    [
      { ...stranger, id: 'first' },
      undefined,
      'CredentialPool.sync: ',
      'the options are undefined',
      'remaining: 10',
    ],
    [
      { ...stranger, id: 'first' },
      10,
      'CredentialPool.sync: ',
      'the options are 10 (number)',
      'remaining: 10',
    ],
    [
      { ...stranger, id: 'first' },
      { remaining: -1 },
      'RateLimiterService.sync: ',
      'remaining is -1',
      'an integer',
    ],
    [
      { ...stranger, id: 'first', decision: { policy: 'github/second', key: 'github' } },
      { remaining: 1 },
      'RateLimiterService.sync: ',
      "the decision is of 'github/second'",
      'report to the bucket that the request was taken from',
    ],
  ])('a report %p, %p', async (credential, report, place, value, fix) => {
    const call = () => pool.sync(credential as TakenCredential<string>, report as object);
    await expectMistake(call, { code: 'INVALID_OPTION', place, value, fix });
  });
});
