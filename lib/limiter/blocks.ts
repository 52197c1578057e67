/** A block as the store and as the process sees it. */
export interface Block {
  /** Its end in microseconds of the store: the same in every reply, so that a block is news once. */
  readonly end: number;
  /** The same in milliseconds of `performance.now()`. */
  readonly until: number;
}

/** Told of a block that is news. */
export type BlockListener = (bucket: string, block: Block) => void;

/** The blocks that this process has learned of, from whatever the store has answered. */
export class Blocks {
  private readonly known = new Map<string, Block>();
  private readonly listeners: BlockListener[] = [];

  /** The block of a bucket, where there is one that ends later than another. */
  after(end: number, bucket: string): Block | undefined {
    const block = this.known.get(bucket);
    return block !== undefined && block.end > end ? block : undefined;
  }

  onLearn(listener: BlockListener): void {
    this.listeners.push(listener);
  }

  learn(bucket: string, block: Block): void {
    if (this.known.get(bucket)?.end === block.end) return;
    this.known.set(bucket, block);
    for (const listener of this.listeners) listener(bucket, block);
  }

  /** A reply has found the bucket without a block. */
  forget(bucket: string): void {
    if (this.known.size > 0) this.known.delete(bucket);
  }
}
