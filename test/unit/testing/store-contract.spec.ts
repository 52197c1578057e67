import { AssertionError } from 'node:assert';
import { describe, expect, it } from '@jest/globals';
import { storeContract } from 'nestjs-floodgate/testing';
import { brokenStores, MapStore } from './broken-stores.js';

const create = (clock: () => number) => new MapStore(clock);

/** The cases that a store fails, with what they throw. */
async function failures(contract: ReturnType<typeof storeContract>): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>();
  for (const { title, run } of contract) {
    await run().catch((error: unknown) => failed.set(title, error));
  }
  return failed;
}

/** What random operations on three buckets never meet. */
const NOT_AT_RANDOM = [
  'MixesCases',
  'LosesUpdates',
  'AlwaysHadOne',
  'ListsOthers',
  'KeepsFirstLimits',
  'NeverHadLimits',
  'DecidesLater',
];
const atRandom = brokenStores
  .filter(([type]) => !NOT_AT_RANDOM.includes(type.name))
  .map(([type]) => [type.name, type] as const);

describe('the contract of a store', () => {
  it('is kept by one of a few lines', async () => {
    expect(await failures(storeContract({ create }))).toEqual(new Map());
  });

  it.each(brokenStores.map(([type, title]) => [type.name, title, type] as const))(
    'is broken by %s, and says so: %s',
    async (_, title, Broken) => {
      const failed = await failures(storeContract({ create: (clock) => new Broken(clock), operations: 50 }));
      const [found] = [...failed].filter(([name]) => name.includes(title));
      expect(found?.[1]).toBeInstanceOf(AssertionError);
    },
  );

  it.each(atRandom)(
    'is broken by %s at random too, where the message says how to repeat it',
    async (_, Broken) => {
      const contract = storeContract({ create: (clock) => new Broken(clock), operations: 400 });
      const random = await failures(contract.filter(({ title }) => title.includes('at random')));
      const [message] = [...random.values()].map(String);
      expect(message).toMatch(/seed \d+, operation \d+, -?\d+ µs after the one before: \w+ /);
    },
  );

  it('names its cases apart, so that any runner can register them', () => {
    const titles = storeContract({ create }).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.length).toBeGreaterThan(40);
  });

  it('closes what it has made, whatever has become of the case', async () => {
    const [made, closed] = [new Set<unknown>(), new Set<unknown>()];
    const contract = storeContract({
      create: (clock) => {
        const store = new brokenStores[0]![0](clock);
        made.add(store);
        return store;
      },
      close: (store) => closed.add(store),
      operations: 5,
    });
    expect((await failures(contract)).size).toBeGreaterThan(0);
    expect([made.size, closed]).toEqual([contract.length, made]);
  });

  it('makes the same runs for the same seed', () => {
    const titles = storeContract({ create, seed: 41 }).map(({ title }) => title);
    expect(titles.at(-1)).toBe('does what the kernel does, at random, from seed 50');
  });

  it.each<[string, unknown, string]>([
    ['no options', undefined, '[INVALID_OPTION]'],
    ['a store', { create: create(() => 0) }, '[INVALID_OPTION]'],
    ['a misspelt option', { create, operation: 5 }, '[UNKNOWN_OPTION]'],
    ['no operations', { create, operations: 0 }, '[INVALID_OPTION]'],
  ])('refuses %s', (_, options, code) => {
    expect(() => storeContract(options as never)).toThrow(code);
  });
});
