import { checkFunction, checkInteger, checkKnownOptions, checkObject } from '../../common/checks.js';
import { Bench, type CreateStore } from './bench.js';
import type { Cases } from './cases.js';
import { compareWithKernel } from './comparison.js';
import { givingBackCases } from './giving-back.cases.js';
import { keepingCases } from './keeping.cases.js';
import { outboundCases } from './outbound.cases.js';
import { settlingCases } from './settling.cases.js';
import { takingCases } from './taking.cases.js';
import { timeCases } from './time.cases.js';

export interface StoreContractOptions {
  /**
   * Makes an empty store for each case, whose time in microseconds is that of the clock. The clock begins in the year 2096,
   * and is moved on and back; real time must not let anything expire meanwhile.
   */
  create: CreateStore;
  /** Ends what `create` has made, after each case; by default nothing, as the module does. */
  close?: (store: Awaited<ReturnType<CreateStore>>) => unknown;
  /** How many random operations are compared with the kernel in each of ten runs; by default 200. */
  operations?: number;
  /** What the runs begin with: the same seed makes the same runs. By default 1. */
  seed?: number;
}

/** For any test runner: `for (const { title, run } of storeContract({ … })) it(title, run)`. */
export interface ContractCase {
  readonly title: string;
  readonly run: () => Promise<void>;
}

const RUNS = 10;
const PLACE = 'storeContract';

/**
 * What every store has to do, as tests: each fails with an AssertionError that says which rule is broken.
 * @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function storeContract(options: StoreContractOptions): ContractCase[] {
  checkObject(options, PLACE, '{ create: (clock) => new MyStore(clock) }');
  checkKnownOptions(options, ['create', 'close', 'operations', 'seed'], PLACE);
  const { create, close = () => undefined, operations = 200, seed = 1 } = options;
  checkFunction(create, `${PLACE}: create`, '(clock) => new MyStore(clock)');
  checkFunction(close, `${PLACE}: close`, '(store) => store.close()');
  checkInteger(operations, 1, 2 ** 31, `${PLACE}: operations`);
  checkInteger(seed, 0, 2 ** 31, `${PLACE}: seed`);
  const cases: Cases = {
    ...takingCases,
    ...timeCases,
    ...givingBackCases,
    ...outboundCases,
    ...keepingCases,
    ...settlingCases,
  };
  const runs = Array.from({ length: RUNS }, (_, i) => seed + i);
  return [
    ...Object.entries(cases).map(([title, check]) => caseOf(title, create, close, check)),
    ...runs.map((run) => ({
      title: `does what the kernel does, at random, from seed ${run}`,
      run: () => withStore(create, close, (once) => compareWithKernel(once, run, operations)),
    })),
  ];
}

const caseOf = (
  title: string,
  create: CreateStore,
  close: NonNullable<StoreContractOptions['close']>,
  check: (bench: Bench) => Promise<void>,
): ContractCase => ({
  title,
  run: () => withStore(create, close, async (once) => check(await Bench.open(once))),
});

/** Closes what a case has made, whatever has become of it. */
async function withStore(
  create: CreateStore,
  close: NonNullable<StoreContractOptions['close']>,
  work: (create: CreateStore) => Promise<void>,
): Promise<void> {
  let made: Awaited<ReturnType<CreateStore>> | undefined;
  try {
    await work(async (clock) => {
      made = await create(clock);
      return made;
    });
  } finally {
    if (made !== undefined) await close(made);
  }
}
