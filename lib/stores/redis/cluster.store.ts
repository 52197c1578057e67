import type { Take } from '../../algorithms/kernel.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import { ForwardingStore } from '../forwarding.store.js';
import type { Deadline, Inspection, Transaction, TransactionReply } from '../store.interface.js';
import type { RedisStore } from './redis.store.js';

/** The takes of a transaction that live in one slot, with their places in it. */
interface SlotGroup {
  readonly takes: Take[];
  readonly places: number[];
}

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
    const slots = new Set(transactions.flatMap(({ takes }) => takes.map(({ key }) => hashTag(key))));
    if (slots.size === 1) return this.store.decide(transactions, deadline);
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
    const groups = new Map<string, string[]>();
    for (const key of new Set(keys)) {
      const tag = hashTag(key);
      groups.set(tag, groups.get(tag) ?? []);
      groups.get(tag)?.push(key);
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
    const groups = groupBySlot(transaction.takes);
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

/** The replies of the slots as that of the whole transaction. */
function combine(groups: readonly SlotGroup[], replies: readonly TransactionReply[]): TransactionReply {
  const admitted = replies.every((reply) => reply.admitted);
  const places = groups.flatMap((group) => group.places);
  const inOrder = <T>(values: readonly T[]): T[] => {
    const ordered: T[] = [];
    for (const [i, value] of values.entries()) ordered[places[i] as number] = value;
    return ordered;
  };
  return {
    admitted,
    source: 'redis',
    now: Math.max(...replies.map(({ now }) => now)),
    decidedAt: Math.max(...replies.map(({ decidedAt }) => decidedAt)),
    found: inOrder(replies.flatMap(({ found }) => found)),
    charged: admitted ? [...places.keys()] : [],
    marks: admitted ? inOrder(replies.flatMap(({ marks }) => marks)) : [],
    changes: admitted ? replies.flatMap(({ changes }) => changes) : [],
  };
}

/** Buckets that wait come last: a place in a line that others have joined cannot be given back. */
function groupBySlot(takes: readonly Take[]): SlotGroup[] {
  const groups = new Map<string, SlotGroup>();
  takes.forEach((take, place) => {
    const tag = hashTag(take.key);
    const group = groups.get(tag) ?? { takes: [], places: [] };
    group.takes.push(take);
    group.places.push(place);
    groups.set(tag, group);
  });
  return [...groups.values()].sort((a, b) => Number(shapes(a)) - Number(shapes(b)));
}

function checkSharedStart(groups: readonly SlotGroup[]): void {
  const [first, second] = groups.filter(shapes);
  if (first && second) throw twoStarts(first, second);
}

const shapes = (group: SlotGroup): boolean => group.takes.some(({ startLevel }) => startLevel !== undefined);

/** A place in a line cannot be moved to the start that a line in another slot imposes. */
function twoStarts(first: SlotGroup, second: SlotGroup): RateLimitError {
  const [a, b] = [first, second].map(
    (group) => group.takes.find(({ startLevel }) => startLevel !== undefined)?.key,
  );
  return new RateLimitError(
    'CLUSTER_SHAPING',
    `${a} and ${b} shape one request and live in different slots of the cluster; give both policies one key, or meter with one of them: shape: false`,
  );
}

/** Only a script that sees all of them can tell which is the best, and one slot says nothing of another. */
function pickedApart(groups: readonly SlotGroup[]): RateLimitError {
  const [a, b] = groups.map((group) => group.takes[0]?.key);
  return new RateLimitError(
    'CLUSTER_PICK',
    `${a} and ${b} are to be picked from and live in different slots of the cluster; give the requests one key, and each a policy of its own`,
  );
}

const hashTag = (key: string): string => key.slice(key.indexOf('{'), key.indexOf('}') + 1);
