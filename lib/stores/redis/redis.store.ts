import type { Change } from '../../algorithms/kernel.js';
import type { Store, Transaction, TransactionReply } from '../store.interface.js';
import { encodeDecide, readReplies, type TimedReplies } from './decide-call.js';
import { recordText } from './record-text.js';
import { type RedisClient, runScript } from './redis-client.js';
import { refundScript, undoScript } from './scripts/generated.js';
import { ServerClock } from './server-clock.js';

export interface RedisStoreOptions {
  /** What every key begins with. */
  readonly prefix: string;
  /** Closes the client, where this store has opened it. */
  readonly close?: () => Promise<void>;
  /** An explicit time in microseconds instead of the server's own: for tests only. */
  readonly clock?: () => number;
}

/** When and on which scale tokens were taken: then no more is given back than has certainly not drained since. */
export interface TakenAt {
  readonly at: number;
  readonly ticksPerMicro: number;
  readonly ticksPerToken: number;
}

/** Buckets on a Redis server, shared by every instance: one script call decides any number of transactions. */
export class RedisStore implements Store {
  private readonly serverClock = new ServerClock();

  constructor(
    private readonly client: RedisClient,
    private readonly options: RedisStoreOptions,
  ) {}

  async decide(transactions: readonly Transaction[]): Promise<TransactionReply[]> {
    return (await this.decideTimed(transactions)).replies;
  }

  async decideTimed(transactions: readonly Transaction[]): Promise<TimedReplies> {
    const { script, keys, args } = encodeDecide(transactions, this.explicitTime());
    const sent = performance.now();
    const reply = await runScript(
      this.client,
      script,
      keys.map((key) => this.name(key)),
      args,
    );
    const received = performance.now();
    return readReplies(transactions, reply as readonly (number | string)[], (now) =>
      this.decidedAt(now, sent, received),
    );
  }

  /** The masters of a cluster have clocks of their own, and who of them has answered is not known here. */
  private decidedAt(now: number, sent: number, received: number): number {
    return this.client.isCluster ? received : this.serverClock.decidedAt(now, sent, received);
  }

  async refund(key: string, tokens: number, taken?: TakenAt): Promise<boolean> {
    const proof = taken ? [taken.at, taken.ticksPerMicro, taken.ticksPerToken].map(String) : [''];
    const args = [this.explicitTime(), String(tokens), ...proof];
    return Number(await runScript(this.client, refundScript, [this.name(key)], args)) === 1;
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
    return Number(await runScript(this.client, undoScript, [this.name(key)], texts));
  }

  async reset(key: string): Promise<boolean> {
    return Number(await this.client.del(this.name(key))) === 1;
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }

  private name(key: string): string {
    return `${this.options.prefix}:${key}`;
  }

  private explicitTime(): string {
    return this.options.clock === undefined ? '' : String(this.options.clock());
  }
}
