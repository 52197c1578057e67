import type { Take } from '../../algorithms/kernel.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import type { Store, Transaction, TransactionReply } from '../store.interface.js';
import type { TimedReplies } from './decide-call.js';
import type { RedisStore } from './redis.store.js';

/** The takes of a transaction that live in one slot, with their places in it. */
interface SlotGroup {
  readonly takes: Take[];
  readonly places: number[];
}

/**
 * Buckets on a Redis Cluster. A script works on one slot, so a transaction whose buckets lie in several slots is taken
 * slot by slot, and what was taken is given back when a later slot refuses. It never admits too much, but it is not
 * atomic: while it runs, others may be refused by what is about to be given back.
 */
export class ClusterStore implements Store {
  readonly source = 'redis';

  constructor(private readonly store: RedisStore) {}

  async decide(transactions: readonly Transaction[]): Promise<TransactionReply[]> {
    const replies: TransactionReply[] = [];
    for (const transaction of transactions) replies.push(await this.decideOne(transaction));
    return replies;
  }

  refund(key: string, tokens: number): Promise<boolean> {
    return this.store.refund(key, tokens);
  }

  reset(key: string): Promise<boolean> {
    return this.store.reset(key);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private async decideOne(transaction: Transaction): Promise<TransactionReply> {
    const groups = groupBySlot(transaction.takes);
    const levels: TransactionReply['levels'][number][] = [];
    const charged: { group: SlotGroup; at: number }[] = [];
    let admitted = true;
    for (const group of groups) {
      // After a refusal the rest is only asked for what it has left.
      const peek = transaction.peek || !admitted;
      const { now, replies } = await this.decideGroup(group, peek, charged);
      const reply = replies[0] as TransactionReply;
      group.places.forEach((place, i) => {
        levels[place] = reply.levels[i] as number;
      });
      admitted &&= reply.admitted;
      if (admitted && !peek) charged.push({ group, at: now });
    }
    if (!admitted) await this.giveBack(charged);
    return { admitted, levels };
  }

  private async decideGroup(
    { takes }: SlotGroup,
    peek: boolean,
    charged: { group: SlotGroup; at: number }[],
  ): Promise<TimedReplies> {
    try {
      return await this.store.decideTimed([{ takes, peek }]);
    } catch (error) {
      await this.giveBack(charged).catch(() => undefined);
      throw error;
    }
  }

  private async giveBack(charged: readonly { group: SlotGroup; at: number }[]): Promise<void> {
    const refunds = charged.flatMap(({ group, at }) =>
      group.takes
        .filter((take) => take.add > 0)
        .map((take) =>
          this.store.refund(take.key, take.add / take.scale.ticksPerToken, { at, ...take.scale }),
        ),
    );
    await Promise.all(refunds);
  }
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
  const [first, second] = [...groups.values()].filter(shapes);
  if (first && second) throw twoStarts(first, second);
  return [...groups.values()].sort((a, b) => Number(shapes(a)) - Number(shapes(b)));
}

const shapes = (group: SlotGroup): boolean => group.takes.some((take) => take.shapes);

/** A place in a line cannot be moved to the start that a line in another slot imposes. */
function twoStarts(first: SlotGroup, second: SlotGroup): RateLimitError {
  const [a, b] = [first, second].map((group) => group.takes.find((take) => take.shapes)?.key);
  return new RateLimitError(
    'CLUSTER_SHAPING',
    `${a} and ${b} shape one request and live in different slots of the cluster; give both policies one key, or meter with one of them: shape: false`,
  );
}

const hashTag = (key: string): string => key.slice(key.indexOf('{'), key.indexOf('}') + 1);
