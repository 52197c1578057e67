import { heldIn } from '../../../lib/algorithms/lease-holds.js';
import type { BucketRecord } from '../../../lib/algorithms/record.js';
import type { Work } from '../../../lib/stores/record.store.js';
import type { Records } from '../../../lib/stores/records.js';
import type { Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';
import { KernelStore } from '../../../lib/testing/kernel.store.js';
import type { Mutation } from './mutations.js';

/** The store, or one that does what was tried and admits too much. */
export class Server extends KernelStore {
  constructor(
    now: () => number,
    private readonly mutation: Mutation,
  ) {
    super(now);
  }

  protected override step<T>(keys: readonly string[], work: Work<T>): T {
    return super.step(keys, (stored, now) =>
      work(new Map([...stored].map(([key, record]) => [key, this.settled(record, now)])), now),
    );
  }

  protected override decideOne(transaction: Transaction, records: Records): TransactionReply {
    const [take] = transaction.takes;
    const record = take && records.load(take.key);
    if (this.mutation !== 'a waiter beside a lease' || take?.startLevel === undefined || !record?.holds)
      return super.decideOne(transaction, records);
    // What is held counts as taken already, and what the waiter adds comes on top: it starts when the sum has drained.
    const { holds, ...rest } = record;
    const held = heldIn(holds) * record.ticksPerToken;
    records.keep(take.key, { ...rest, level: record.level + held });
    const reply = super.decideOne(transaction, records);
    const after = records.load(take.key)!;
    records.keep(take.key, { ...after, level: Math.max(0, after.level - held), holds });
    return reply;
  }

  private settled(record: BucketRecord, now: number): BucketRecord {
    const { holds, ...rest } = record;
    const later = holds?.filter(({ expires }) => expires > now) ?? [];
    if (holds === undefined || later.length === holds.length) return record;
    const after = later.length === 0 ? rest : { ...rest, holds: later };
    if (this.mutation === 'what has expired is taken as unspent') return after;
    if (this.mutation !== 'what has expired is added without draining to its expiry') return record;
    const held = heldIn(holds) - heldIn(later);
    return { ...after, level: record.level + held * record.ticksPerToken };
  }
}
