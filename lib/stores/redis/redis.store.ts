import { randomUUID } from 'node:crypto';
import type { Change } from '../../algorithms/kernel.js';
import type { LeaseRequest } from '../../algorithms/lease.js';
import type { Found } from '../../algorithms/level.js';
import { alive, rebase, type TakenAt } from '../../algorithms/record.js';
import type { Report } from '../../algorithms/report.js';
import type { Actual } from '../../algorithms/settlement.js';
import { reservationKey } from '../reservation-key.js';
import type {
  Candidate,
  Deadline,
  Inspection,
  LeaseState,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../store.interface.js';
import { foundOf, type Reply, readTicks } from './decide-call.js';
import { Decisions } from './decisions.js';
import { probeOf } from './probe.js';
import { parseRecord, recordText } from './record-text.js';
import { RedisCalls, type RedisCallsOptions, type ScriptCall } from './redis-calls.js';
import { MOST_KEYS, prepareScripts, type RedisClient, type Script } from './redis-client.js';
import {
  candidatesScript,
  decideScript,
  inspectScript,
  leaseScript,
  limitsScript,
  refundScript,
  rememberScript,
  reportScript,
  resetScript,
  settleScript,
  takeScript,
  unblockScript,
  undoScript,
} from './scripts/generated.js';

/** The key of the limits that were set at run time. A bucket has a colon and braces behind its policy, so it is none. */
const LIMITS = 'limits';

export interface RedisStoreOptions extends RedisCallsOptions {
  /** Closes the client, where this store has opened it. */
  readonly close?: () => Promise<void>;
}

/** More are not kept of a policy. */
const MOST_CANDIDATES = 1000;

/** Where the candidates of a policy are: no bucket is called so, for its name ends with a brace. */
const listOf = (policy: string): string => `fullest:${policy}`;

/** Buckets on a Redis server, shared by every instance: one script call decides any number of transactions. */
export class RedisStore implements Store {
  private readonly calls: RedisCalls;
  private readonly decisions: Decisions;

  constructor(
    private readonly client: RedisClient,
    private readonly options: RedisStoreOptions,
  ) {
    this.calls = new RedisCalls(client, options);
    this.decisions = new Decisions(this.calls);
    prepareScripts(client, [decideScript, takeScript, inspectScript]);
    const ofOneKey = [
      leaseScript,
      reportScript,
      unblockScript,
      undoScript,
      resetScript,
      limitsScript,
      rememberScript,
      candidatesScript,
    ];
    prepareScripts(client, ofOneKey, 1);
    prepareScripts(client, [refundScript, settleScript], 2);
  }

  decide(transactions: readonly Transaction[], deadline?: Deadline): Promise<TransactionReply[]> {
    return this.decisions.decide(transactions, deadline);
  }

  /** See `Decisions`. */
  decideOfMaster(
    transactions: readonly Transaction[],
    slots: readonly number[],
    deadline?: Deadline,
  ): Promise<(TransactionReply | Error)[]> {
    return this.decisions.decideOfMaster(transactions, slots, deadline);
  }

  /** Keys of one slot can be in one call. */
  slotOf(key: string): number {
    return this.calls.names.slotOf(key);
  }

  slotOfBucket(policy: string, key: string): number {
    return this.calls.names.slotOfBucket(policy, key);
  }

  /** What serves slots of one line can be asked for all of them together. */
  lineOf(slot: number): string {
    return this.calls.names.lineOf(slot);
  }

  /**
   * Whether a take would be carried out now on the server that serves a key: it is, past the gate, from a bucket beside
   * the key that is full again before the reply is here.
   */
  async probe(key: string): Promise<void> {
    await this.decisions.pastTheGate([probeOf(this.calls.names.keyBeside(key))]);
  }

  /** Until when a call may take that is given no deadline and begins now. */
  until(): number | undefined {
    return this.calls.until();
  }

  async refund(key: string, tokens: number, taken?: TakenAt): Promise<boolean> {
    const proof = taken ? [taken.at, taken.ticksPerMicro, taken.ticksPerToken].map(String) : [''];
    const until = this.until();
    const keys = until === undefined ? [key] : [key, refundKey(key)];
    const call = { script: refundScript, keys, args: [String(tokens), ...proof] };
    return Number((await this.calls.runInTime(call, until)).reply) === 1;
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
    const args = [String(cost), String(maxDebt ?? ''), flag(lowers)];
    const { reply } = await this.calls.run({ script: settleScript, keys, args });
    const [settled, ticks, ticksPerToken] = (reply as Reply).map(Number) as [number, number, number];
    return settled === 1 ? { ticks, ticksPerToken } : undefined;
  }

  async report(key: string, { scale, missing, mark, left, lowers, block }: Report): Promise<StoreState> {
    const numbers = [scale.ticksPerMicro, scale.ticksPerToken, missing, mark?.since, mark?.sent];
    const texts = (values: readonly (number | undefined)[]) => values.map((value) => String(value ?? ''));
    const args = [...texts(numbers), flag(lowers), ...texts([block, left?.level, left?.at])];
    const { reply, toLocal } = await this.calls.runInTime({ script: reportScript, keys: [key], args });
    const [time, ...said] = reply as Reply;
    const now = Number(time);
    return { source: 'redis', now, decidedAt: toLocal(now), found: readFound({ scale }, said, now) };
  }

  async lease(key: string, request: LeaseRequest, deadline?: Pick<Deadline, 'until'>): Promise<LeaseState> {
    const { id, total, wanted, ttlMicros, scale, capacity, returns } = request;
    const numbers = [total, wanted, ttlMicros, scale.ticksPerMicro, scale.ticksPerToken, capacity];
    const call = {
      script: leaseScript,
      keys: [key],
      args: [id, ...numbers.map(String), flag(returns === true)],
    };
    const { reply, toLocal } = await this.calls.runInTime(call, deadline?.until);
    const [time, spendable, ...said] = reply as Reply;
    const now = Number(time);
    const found = readFound(request, said, now);
    return { source: 'redis', now, decidedAt: toLocal(now), found, total: Number(spendable) };
  }

  unblock(key: string): Promise<boolean> {
    return this.hasChanged({ script: unblockScript, keys: [key], args: [] });
  }

  reset(key: string): Promise<boolean> {
    return this.hasChanged({ script: resetScript, keys: [key], args: [] });
  }

  async inspect(keys: readonly string[]): Promise<Inspection[]> {
    const calls = Array.from({ length: Math.ceil(keys.length / MOST_KEYS) }, (_, i) =>
      this.inspectSome(keys.slice(i * MOST_KEYS, (i + 1) * MOST_KEYS)),
    );
    return (await Promise.all(calls)).flat();
  }

  private async inspectSome(keys: readonly string[]): Promise<Inspection[]> {
    const reply = (await this.calls.run({ script: inspectScript, keys, args: [] })).reply as Reply;
    const now = Number(reply[0]);
    return keys.map((key, i) => {
      const stored = parseRecord(String(reply[i + 1]));
      return { name: this.calls.names.of(key), record: stored && alive(rebase(stored, now), now), now };
    });
  }

  async bucketsOf(policy: string): Promise<string[]> {
    return (await this.runOn(listOf(policy), candidatesScript, [])) as string[];
  }

  async remember(policy: string, candidates: readonly Candidate[]): Promise<void> {
    const pairs = candidates.flatMap(({ bucket, fullAfterMs }) => [String(Math.ceil(fullAfterMs)), bucket]);
    await this.runOn(listOf(policy), rememberScript, [String(MOST_CANDIDATES), ...pairs]);
  }

  async readLimits(): Promise<ReadonlyMap<string, string>> {
    const read = () => this.client.hgetall(this.calls.names.of(LIMITS));
    return new Map(Object.entries(await this.calls.through(LIMITS, read)));
  }

  async writeLimits(policy: string, text: string): Promise<void> {
    await this.hasChanged({ script: limitsScript, keys: [LIMITS], args: [policy, text] });
  }

  deleteLimits(policy: string): Promise<boolean> {
    return this.hasChanged({ script: limitsScript, keys: [LIMITS], args: [policy, ''] });
  }

  async close(): Promise<void> {
    this.calls.close();
    await this.options.close?.();
  }

  private async hasChanged(call: ScriptCall): Promise<boolean> {
    return Number((await this.calls.runInTime(call)).reply) === 1;
  }

  private async runOn(key: string, script: Script, args: readonly string[]): Promise<unknown> {
    return (await this.calls.run({ script, keys: [key], args })).reply;
  }
}

const readFound = (of: Pick<LeaseRequest, 'scale'>, said: Reply, now: number): Found => {
  const [level, ...more] = said as [number | string, number | string, number | string, number | string];
  return foundOf(of, readTicks(level), more, now);
};

const flag = (value: boolean): string => (value ? '1' : '0');

/** Where the server notes that a refund was carried out: a name of its own for each. */
const refundKey = (key: string): string => `${key}:g:${randomUUID()}`;
