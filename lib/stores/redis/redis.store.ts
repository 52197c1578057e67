import type { Change } from '../../algorithms/kernel.js';
import { alive, rebase, type TakenAt } from '../../algorithms/record.js';
import type { Report } from '../../algorithms/report.js';
import type { Actual } from '../../algorithms/settlement.js';
import { reservationKey } from '../reservation-key.js';
import type {
  Candidate,
  Deadline,
  Inspection,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../store.interface.js';
import { encodeDecide, foundOf, type Reply, readReplies, readTicks } from './decide-call.js';
import { probeOf } from './probe.js';
import { parseRecord, recordText } from './record-text.js';
import { RedisCalls, type RedisCallsOptions } from './redis-calls.js';
import { MOST_KEYS, prepareScripts, type RedisClient, type Script } from './redis-client.js';
import {
  candidatesScript,
  decideScript,
  inspectScript,
  refundScript,
  rememberScript,
  reportScript,
  settleScript,
  unblockScript,
  undoScript,
} from './scripts/generated.js';

/** The key of the limits that were set at run time. A bucket has a colon and braces behind its policy, so it is none. */
const LIMITS = 'limits';

export interface RedisStoreOptions extends RedisCallsOptions {
  /** Closes the client, where this store has opened it. */
  readonly close?: () => Promise<void>;
  /** An explicit time in microseconds instead of the server's own: for tests only. */
  readonly clock?: () => number;
}

/** More are not kept of a policy. */
const MOST_CANDIDATES = 1000;

/** Where the candidates of a policy are: no bucket is called so, for its name ends with a brace. */
const listOf = (policy: string): string => `fullest:${policy}`;

/** Buckets on a Redis server, shared by every instance: one script call decides any number of transactions. */
export class RedisStore implements Store {
  private readonly calls: RedisCalls;

  constructor(
    client: RedisClient,
    private readonly options: RedisStoreOptions,
  ) {
    this.calls = new RedisCalls(client, options);
    prepareScripts(client, [decideScript, inspectScript]);
    const ofOneKey = [
      refundScript,
      reportScript,
      unblockScript,
      undoScript,
      rememberScript,
      candidatesScript,
    ];
    prepareScripts(client, ofOneKey, 1);
    prepareScripts(client, [settleScript], 2);
  }

  decide(transactions: readonly Transaction[], deadline?: Deadline): Promise<TransactionReply[]> {
    const onLate = deadline?.onLate;
    return this.calls.through(
      transactions[0]?.takes[0]?.key ?? '',
      () => this.decideNow(transactions),
      deadline?.until,
      onLate && ((replies) => onLate(transactions, replies)),
    );
  }

  /**
   * Whether a take would be carried out now on the server that serves a key: it is, past the gate, from a bucket beside
   * the key that is full again before the reply is here.
   */
  async probe(key: string): Promise<void> {
    await this.decideNow([probeOf(this.calls.keyBeside(key))]);
  }

  /** See `RedisCalls`. */
  until(): number | undefined {
    return this.calls.until();
  }

  private async decideNow(transactions: readonly Transaction[]): Promise<TransactionReply[]> {
    const { reply, toLocal } = await this.calls.send(encodeDecide(transactions, this.explicitTime()));
    return readReplies(transactions, reply as Reply, toLocal);
  }

  async refund(key: string, tokens: number, taken?: TakenAt): Promise<boolean> {
    const proof = taken ? [taken.at, taken.ticksPerMicro, taken.ticksPerToken].map(String) : [''];
    const args = [this.explicitTime(), String(tokens), ...proof];
    return Number(await this.runOn(key, refundScript, args)) === 1;
  }

  async undo(changes: readonly Change[]): Promise<number> {
    const keys = [...new Set(changes.map(({ key }) => key))];
    const undone = await Promise.all(
      keys.map((key) =>
        this.undoOne(
          key,
          changes.filter((change) => change.key === key),
        ),
      ),
    );
    return undone.reduce((sum, count) => sum + count, 0);
  }

  /** One bucket a call: buckets of different keys live in different slots of a cluster. */
  private async undoOne(key: string, changes: readonly Change[]): Promise<number> {
    const texts = changes.flatMap(({ before, after }) => [
      recordText(after),
      before ? recordText(before) : '',
    ]);
    return Number(await this.runOn(key, undoScript, texts));
  }

  async settle(key: string, { id, cost, maxDebt, lowers }: Actual) {
    const keys = [key, reservationKey(key, id)];
    const args = [this.explicitTime(), String(cost), String(maxDebt ?? ''), lowers ? '1' : '0'];
    const reply = (await this.calls.run({ script: settleScript, keys, args })) as Reply;
    const [settled, ticks, ticksPerToken] = reply.map(Number) as [number, number, number];
    return settled === 1 ? { ticks, ticksPerToken } : undefined;
  }

  async report(key: string, { scale, missing, mark, lowers, block }: Report): Promise<StoreState> {
    const numbers = [scale.ticksPerMicro, scale.ticksPerToken, missing, mark?.since, mark?.sent];
    const args = numbers.map((number) => String(number ?? ''));
    const texts = [this.explicitTime(), ...args, lowers ? '1' : '0', String(block)];
    const call = { script: reportScript, keys: [key], args: texts };
    const { reply, toLocal } = await this.calls.through(key, () => this.calls.send(call));
    const [time, level, blocked, stepped] = reply as [unknown, ...(number | string)[]];
    const now = Number(time);
    const found = foundOf(readTicks(level), blocked, stepped, now);
    return { source: 'redis', now, decidedAt: toLocal(now), found };
  }

  async unblock(key: string): Promise<boolean> {
    return Number(await this.runOn(key, unblockScript, [this.explicitTime()])) === 1;
  }

  async reset(key: string): Promise<boolean> {
    return Number(await this.calls.through(key, () => this.calls.client.del(this.calls.name(key)))) === 1;
  }

  async inspect(keys: readonly string[]): Promise<Inspection[]> {
    const calls = Array.from({ length: Math.ceil(keys.length / MOST_KEYS) }, (_, i) =>
      this.inspectSome(keys.slice(i * MOST_KEYS, (i + 1) * MOST_KEYS)),
    );
    return (await Promise.all(calls)).flat();
  }

  private async inspectSome(keys: readonly string[]): Promise<Inspection[]> {
    const call = { script: inspectScript, keys, args: [this.explicitTime()] };
    const reply = (await this.calls.run(call)) as Reply;
    const now = Number(reply[0]);
    return keys.map((key, i) => {
      const stored = parseRecord(String(reply[i + 1]));
      return { name: this.calls.name(key), record: stored && alive(rebase(stored, now), now), now };
    });
  }

  async bucketsOf(policy: string): Promise<string[]> {
    return (await this.runOn(listOf(policy), candidatesScript, [])) as string[];
  }

  async remember(policy: string, candidates: readonly Candidate[]): Promise<void> {
    const pairs = candidates.flatMap(({ bucket, fullAfterMs }) => [String(Math.ceil(fullAfterMs)), bucket]);
    await this.runOn(listOf(policy), rememberScript, [
      this.explicitTime(),
      String(MOST_CANDIDATES),
      ...pairs,
    ]);
  }

  async readLimits(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.onLimits((client, name) => client.hgetall(name))));
  }

  async writeLimits(policy: string, text: string): Promise<void> {
    await this.onLimits((client, name) => client.hset(name, policy, text));
  }

  async deleteLimits(policy: string): Promise<boolean> {
    return Number(await this.onLimits((client, name) => client.hdel(name, policy))) === 1;
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }

  private runOn(key: string, script: Script, args: readonly string[]): Promise<unknown> {
    return this.calls.run({ script, keys: [key], args });
  }

  private onLimits<T>(command: (client: RedisClient, name: string) => Promise<T>): Promise<T> {
    return this.calls.through(LIMITS, () => command(this.calls.client, this.calls.name(LIMITS)));
  }

  private explicitTime(): string {
    return this.options.clock === undefined ? '' : String(this.options.clock());
  }
}
