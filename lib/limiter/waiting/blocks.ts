import type { Take } from '../../algorithms/kernel.js';
import type { Found } from '../../algorithms/level.js';
import { FOREVER } from '../../algorithms/record.js';
import type { StoreMoment, TransactionReply } from '../../stores/store.interface.js';

/** A block as the store and as the process sees it. */
export interface Block {
  /** Its end in microseconds of the store: the same in every reply, so that a block is news once. */
  readonly end: number;
  /** The same in milliseconds of `performance.now()`. */
  readonly until: number;
  /** Of the call that has told it: see `Judgement.order`. */
  readonly order: number;
}

/** More are not kept: the one that was learned of first is then news again. */
const MOST = 10_000;

/** Told of a block that is news. */
export type BlockListener = (bucket: string, block: Block) => void;

/** The blocks that this process has learned of, from whatever the store has answered. */
export class Blocks {
  private readonly known = new Map<string, Block>();
  private readonly listeners: BlockListener[] = [];

  /** The block of a bucket, where a call has told it that was made after another. */
  since(order: number, bucket: string): Block | undefined {
    const block = this.known.get(bucket);
    return block !== undefined && block.order > order ? block : undefined;
  }

  get size(): number {
    return this.known.size;
  }

  onLearn(listener: BlockListener): void {
    this.listeners.push(listener);
  }

  /** How a call has found the buckets of takes. */
  foundAll(takes: readonly Take[], reply: TransactionReply, order: number): void {
    // What this process has decided by itself says nothing of a block in the store.
    if (reply.instead !== undefined) return;
    for (let i = 0; i < takes.length; i++)
      this.foundAt((takes[i] as Take).key, reply.found[i] as Found, reply, order);
  }

  /** How it has found one. */
  foundAt(bucket: string, { block, blockEnd }: Found, { decidedAt }: StoreMoment, order: number): void {
    if (block === 0) this.forget(bucket, order);
    else {
      const until = block === FOREVER ? Number.POSITIVE_INFINITY : decidedAt + block / 1000;
      this.learn(bucket, { end: blockEnd, until, order });
    }
  }

  learn(bucket: string, block: Block): void {
    const known = this.known.get(bucket);
    if (known !== undefined && (known.end === block.end || known.order > block.order)) return;
    this.known.set(bucket, block);
    if (this.known.size > MOST) this.known.delete(this.known.keys().next().value as string);
    for (const listener of this.listeners) listener(bucket, block);
  }

  /** A call has found the bucket without a block. Replies may be read in another order than their calls were made. */
  forget(bucket: string, order: number): void {
    if (this.known.size > 0 && this.since(order, bucket) === undefined) this.known.delete(bucket);
  }
}
