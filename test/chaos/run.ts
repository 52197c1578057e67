// A run: processes that take from the known buckets while what they stand on is broken, and what came of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bucket, bucketsOf, countLeases, type Level, readLevels } from './buckets.js';
import { check, type Fault, type History, type Violation } from './checker/check.mjs';
import { type Diaries, readDiaries } from './history.js';
import { allPolicies, policies, toCheck } from './policies.js';
import type { RedisConfig, TakerConfig } from './taker/config.js';
import { clock } from './taker/diary.js';
import { Takers } from './takers.js';

/** For a machine that does something else as well: what is promised to the millisecond is a figure, and not a violation. */
const SLACK_MS = 250;
const RECOVER_WITHIN_MS = 1000;
/** The first requests of a process compile what it runs. */
const WARM_UP_MS = 1500;
/** Within it every taker has been told of a step. */
const STEP_AHEAD_NS = 300_000_000n;
/** What was admitted locally at last is debited by then: a breaker that has just opened closes at the next probe. */
const QUIET_MS = 700;
/** How long the store has been back before anybody looks whether all is well again. */
const SETTLE_MS = 1500;

export interface RunOptions {
  /** What the takers connect to, each by its number. */
  readonly redis: (taker: number) => RedisConfig;
  /** On which port a bucket of a key can be read. */
  readonly portOf: (key: string) => Promise<number>;
  readonly seed: number;
  readonly processes?: number;
  /** Requests of each process in a second. */
  readonly perSecond?: number;
  readonly keys?: readonly string[];
  /** Of each taker, by its number; by default all have all. */
  readonly keysOf?: (taker: number) => readonly string[];
  readonly hasClock?: boolean;
  readonly storeTimeoutMs?: number;
}

/** A fault, and all that happened until the next. */
export interface Episode extends Fault {
  back: bigint;
  /** When the run went on to something else. */
  end: bigint;
  /** Whether nothing decides in the store meanwhile. */
  readonly isWhole: boolean;
}

export interface FaultOptions {
  /** What was carried out before its reply was lost is charged once more. */
  readonly mayRepeat?: boolean;
  /** The keys that it hits; by default all. */
  readonly keys?: readonly string[];
  /** The store can still be asked: then it is not known from outside when a breaker is open. */
  readonly staysUp?: boolean;
  /** What else there is to do once nobody asks any more. */
  readonly whileQuiet?: () => Promise<void>;
}

export interface Outcome {
  readonly episodes: readonly Episode[];
  readonly diaries: Diaries;
  readonly history: History;
  readonly violations: readonly Violation[];
  /** How many leases were seen when all was well again; undefined where none are taken. */
  readonly leases: number | undefined;
}

export class Run {
  readonly prefix = `chaos-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  readonly keys: readonly string[];
  private readonly storeTimeoutMs: number;
  private readonly episodes: Episode[] = [];
  private readonly restarts: { from: bigint; back: bigint }[] = [];
  private readonly losses: { policy: string; key: string; ticks: bigint; at: bigint }[] = [];
  private readonly levels: { policy: string; key: string; at: bigint; tokens: number; mayExceed: number }[] =
    [];
  private leases = 0;
  private readonly clockSteps: { at: bigint; ns: bigint }[] = [];
  private takers!: Takers;
  private diaries: string[] = [];

  private constructor(
    private readonly options: RunOptions,
    private readonly folder: string,
  ) {
    this.keys = options.keys ?? ['a', 'b', 'c'];
    this.storeTimeoutMs = options.storeTimeoutMs ?? 100;
  }

  /** The processes have booted, and take from now on. */
  static async start(options: RunOptions): Promise<Run> {
    const run = new Run(options, await mkdtemp(join(tmpdir(), 'floodgate-chaos-')));
    try {
      const configs = Array.from({ length: options.processes ?? 4 }, (_, i) => run.configOf(i));
      run.diaries = configs.map(({ diary }) => diary);
      run.takers = await Takers.boot(configs);
      await run.takers.start();
      await sleep(WARM_UP_MS);
    } catch (error) {
      await run.abandon();
      throw error;
    }
    return run;
  }

  /** Breaks something: the action resolves when the store is back. Then looks whether all is well again. */
  async fault(name: string, action: () => Promise<void>, options: FaultOptions = {}): Promise<void> {
    const keys = options.keys ?? this.keys;
    const isWhole = options.keys === undefined && !options.staysUp;
    const episode: Episode = {
      name,
      from: clock(),
      back: 0n,
      end: 0n,
      keys,
      isWhole,
    };
    this.episodes.push(episode);
    await action();
    episode.back = clock();
    await sleep(SETTLE_MS);
    await this.countLeases();
    await this.takers.pause();
    await sleep(QUIET_MS);
    await this.readLedgers(options.mayRepeat ? Number.POSITIVE_INFINITY : 0);
    await options.whileQuiet?.();
    await this.takers.start();
    episode.end = clock();
  }

  /** The store is lost as a whole by the action, and begins again, empty, only after it. */
  async losing(action: () => Promise<void>): Promise<void> {
    const from = clock();
    await action();
    this.restarts.push({ from, back: clock() });
  }

  /** What replication has lost, bucket by bucket. */
  noteLosses(before: readonly Level[], after: readonly Level[]): void {
    before.forEach(({ policy, key, nanoTokens }, i) => {
      const lost = nanoTokens - after[i]!.nanoTokens;
      const { perSeconds } = policies[policy as keyof typeof policies];
      if (lost > 0n) this.losses.push({ policy, key, ticks: lost * BigInt(perSeconds), at: clock() });
    });
  }

  /** The clock of the takers steps, at the same moment for all. */
  async step(micros: number): Promise<void> {
    const at = clock() + STEP_AHEAD_NS;
    this.clockSteps.push({ at, ns: BigInt(micros) * 1000n });
    await this.takers.step({ at: String(at), micros });
  }

  get buckets(): Bucket[] {
    return bucketsOf(this.keys);
  }

  async measure() {
    return this.takers.measure();
  }

  async finish(): Promise<Outcome> {
    try {
      await this.takers.stop();
      const diaries = await readDiaries(this.diaries);
      const history = this.historyOf(diaries);
      const leases = this.options.hasClock ? undefined : this.leases;
      return { episodes: this.episodes, diaries, history, violations: check(history), leases };
    } finally {
      await rm(this.folder, { recursive: true, force: true });
    }
  }

  /** Where something has failed that is no finding: nothing is left behind. */
  async abandon(): Promise<void> {
    this.takers?.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private configOf(taker: number): TakerConfig {
    const { redis, seed, perSecond = 40, keysOf, hasClock = false } = this.options;
    const name = `taker-${taker + 1}`;
    return {
      name,
      adapter: taker % 2 === 0 ? 'express' : 'fastify',
      redis: redis(taker),
      prefix: this.prefix,
      diary: join(this.folder, `${name}.jsonl`),
      seed: seed * 100 + taker,
      perSecond,
      keys: keysOf?.(taker) ?? this.keys,
      hasClock,
      storeTimeoutMs: this.storeTimeoutMs,
    };
  }

  private async countLeases(): Promise<void> {
    for (const bucket of bucketsOf(this.keys, [policies.ahead])) {
      this.leases += await countLeases(await this.options.portOf(bucket.key), this.prefix, [bucket]);
    }
  }

  /** What the ledgers miss once nobody asks any more, and what was admitted locally is debited. */
  private async readLedgers(mayExceed: number): Promise<void> {
    const ledgers = bucketsOf(this.keys, [policies.ledger]);
    for (const ledger of ledgers) {
      const port = await this.options.portOf(ledger.key);
      const { levels } = await readLevels(port, this.prefix, [ledger]);
      const tokens = Number((levels[0]!.nanoTokens + 500_000_000n) / 1_000_000_000n);
      this.levels.push({ policy: 'ledger', key: ledger.key, at: clock(), tokens, mayExceed });
    }
  }

  private historyOf({ decisions, stalls }: Diaries): History {
    const { episodes, restarts, losses, levels, clockSteps } = this;
    return {
      ...{ decisions, stalls, restarts, losses, levels, clockSteps },
      policies: allPolicies.map(toCheck),
      faults: episodes,
      deadlineMs: this.storeTimeoutMs,
      slackMs: SLACK_MS,
      recoverWithinMs: RECOVER_WITHIN_MS,
    };
  }
}
