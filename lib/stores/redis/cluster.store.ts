import type { Take } from '../../algorithms/kernel.js';
import { asError } from '../../common/as-error.js';
import { ForwardingStore } from '../forwarding.store.js';
import { PlainCall } from '../plain-call.js';
import { SomeFailedError } from '../some-failed.error.js';
import type { Deadline, Inspection, Transaction, TransactionReply } from '../store.interface.js';
import type { RedisStore } from './redis.store.js';
import {
  checkSharedStart,
  combine,
  groupBySlot,
  pickedApart,
  placesByLine,
  type SlotGroup,
} from './slot-groups.js';

/**
 * Buckets on a Redis Cluster. A script works on one slot, so a transaction whose buckets lie in several slots is taken
 * slot by slot once all slots would admit it, and what was taken is given back where one refuses after all. It never
 * admits too much, but it is not atomic: while it runs, others may be refused by what is about to be given back. All else
 * concerns one slot: a reservation lives in that of its bucket.
 */
export class ClusterStore extends ForwardingStore<RedisStore> {
  override async decide(
    transactions: readonly Transaction[],
    deadline = this.deadline(),
  ): Promise<TransactionReply[]> {
    const slots: number[] = [];
    for (const transaction of transactions) {
      const slot = this.slotOf(transaction);
      if (slot === undefined) return this.decideInTurn(transactions, deadline);
      slots.push(slot);
    }
    if (slots.every((slot) => slot === slots[0])) return this.store.decide(transactions, deadline);
    return this.decideTogether(transactions, slots, deadline);
  }

  /** Where transactions can be decided together: on one line. Undefined of those that have several slots. */
  lineOf(transactions: readonly Transaction[]): string | undefined {
    let line: string | undefined;
    for (const transaction of transactions) {
      const slot = this.slotOf(transaction);
      if (slot === undefined) return undefined;
      const own = this.store.lineOf(slot);
      if (line !== undefined && own !== line) return undefined;
      line = own;
    }
    return line;
  }

  /** Undefined where there are several. */
  private slotOf(transaction: Transaction): number | undefined {
    // All buckets of a key lie together, and most requests have one.
    if (transaction instanceof PlainCall && transaction.others.every(({ key }) => key === transaction.key))
      return this.store.slotOfBucket(transaction.take.policy, transaction.key);
    const { takes } = transaction;
    const slot = this.store.slotOf(takes[0]?.key ?? '');
    for (let i = 1; i < takes.length; i++) {
      if (this.store.slotOf((takes[i] as Take).key) !== slot) return undefined;
    }
    return slot;
  }

  /** Each master is asked for what it serves. */
  private async decideTogether(
    transactions: readonly Transaction[],
    slots: readonly number[],
    deadline: Deadline | undefined,
  ): Promise<TransactionReply[]> {
    const lines = placesByLine(slots, (slot) => this.store.lineOf(slot));
    // What comes in batches is of one.
    if (lines.length === 1)
      return SomeFailedError.check(await this.store.decideOfMaster(transactions, slots, deadline));
    const outcomes: (TransactionReply | Error)[] = [];
    const calls = lines.map(async (places) => {
      const own = places.map((place) => transactions[place] as Transaction);
      const ownSlots = places.map((place) => slots[place] as number);
      const told = await this.store.decideOfMaster(own, ownSlots, deadline).catch(asError);
      for (const [i, place] of places.entries())
        outcomes[place] = told instanceof Error ? told : (told[i] as TransactionReply | Error);
    });
    await Promise.all(calls);
    return SomeFailedError.check(outcomes);
  }

  private async decideInTurn(
    transactions: readonly Transaction[],
    deadline: Deadline | undefined,
  ): Promise<TransactionReply[]> {
    const replies: TransactionReply[] = [];
    try {
      for (const transaction of transactions) replies.push(await this.decideOne(transaction, deadline));
    } catch (error) {
      // The call fails as a whole, so those who made it will not hear of what went before.
      if (replies.length > 0) deadline?.onLate?.(transactions.slice(0, replies.length), replies);
      throw error;
    }
    return replies;
  }

  probe(key: string): Promise<void> {
    return this.store.probe(key);
  }

  /** A call for each key that is limited: all its buckets are in one slot. */
  override async inspect(keys: readonly string[]): Promise<Inspection[]> {
    const groups = new Map<number, string[]>();
    for (const key of new Set(keys)) {
      const slot = this.store.slotOf(key);
      groups.set(slot, groups.get(slot) ?? []);
      groups.get(slot)?.push(key);
    }
    const calls = [...groups.values()].map(async (group) => {
      const told = await this.store.inspect(group);
      return group.map((key, i) => [key, told[i] as Inspection] as const);
    });
    const found = new Map((await Promise.all(calls)).flat());
    return keys.map((key) => found.get(key) as Inspection);
  }

  private async decideOne(
    transaction: Transaction,
    deadline: Deadline | undefined,
  ): Promise<TransactionReply> {
    const groups = groupBySlot(transaction.takes, (key) => this.store.slotOf(key));
    if (transaction.pick && groups.length > 1) throw pickedApart(groups);
    checkSharedStart(groups);
    if (groups.length === 1) return (await this.store.decide([transaction], deadline))[0] as TransactionReply;
    // What is refused anyway is found by asking: refused requests then take from no bucket, not even for a moment.
    const question = deadline && { until: deadline.until };
    const asked = await Promise.all(groups.map((group) => this.decideGroup(group, { peek: true }, question)));
    const found = combine(groups, asked);
    const { peek, revocable = false, counted = false } = transaction;
    if (peek || !found.admitted) return found;
    return this.takeInTurn(groups, asked, { revocable, counted }, deadline);
  }

  /** One for all that a call is made of. */
  private deadline(): Deadline | undefined {
    const until = this.store.until();
    return until === undefined ? undefined : { until };
  }

  private async takeInTurn(
    groups: readonly SlotGroup[],
    asked: readonly TransactionReply[],
    terms: Omit<Transaction, 'takes'>,
    deadline: Deadline | undefined,
  ): Promise<TransactionReply> {
    const replies = [...asked];
    for (const [i, group] of groups.entries()) {
      const taken = await this.decideGroup(group, terms, deadline).catch((error: unknown) => {
        // The caller has waited long enough, and what is not given back stays taken: that admits nothing.
        this.giveBack(groups.slice(0, i), replies).catch(() => undefined);
        throw error;
      });
      replies[i] = taken;
      if (!taken.admitted) {
        await this.giveBack(groups.slice(0, i), replies);
        break;
      }
    }
    return combine(groups, replies);
  }

  private async decideGroup(
    { takes }: SlotGroup,
    terms: Omit<Transaction, 'takes'>,
    deadline: Deadline | undefined,
  ): Promise<TransactionReply> {
    return (await this.store.decide([{ ...terms, takes }], deadline))[0] as TransactionReply;
  }

  private async giveBack(groups: readonly SlotGroup[], taken: readonly TransactionReply[]): Promise<void> {
    await Promise.all(
      groups.flatMap(({ takes }, i) =>
        takes.map((take) => this.giveBackOne(take, (taken[i] as TransactionReply).now)),
      ),
    );
  }

  private async giveBackOne({ key, cost, scale, reserve, startLevel }: Take, at: number): Promise<void> {
    // A take that was reserved is told to have cost nothing, so that its reservation ends as well.
    if (reserve !== undefined) {
      const lowers = startLevel === undefined;
      await this.store.settle(key, { id: reserve.id, cost: 0, maxDebt: undefined, lowers });
    } else if (cost > 0) await this.store.refund(key, cost, { at, ...scale });
  }
}
