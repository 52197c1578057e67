import type { Bench } from './bench.js';

/** What a store has to do, by what it is called, each on a store of its own. */
export type Cases = Readonly<Record<string, (bench: Bench) => Promise<void>>>;
