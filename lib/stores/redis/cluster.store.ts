import type { Change, Take } from '../../algorithms/kernel.js';
import type { Ticks } from '../../algorithms/ticks.js';
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
 * slot by slot once all slots would admit it, and what was taken is given back where one refuses after all. It never
 * admits too much, but it is not atomic: while it runs, others may be refused by what is about to be given back.
 */
export class ClusterStore implements Store {
  constructor(private readonly store: RedisStore) {}

  async decide(transactions: readonly Transaction[]): Promise<TransactionReply[]> {
    const replies: TransactionReply[] = [];
    for (const transaction of transactions) replies.push(await this.decideOne(transaction));
    return replies;
  }

  refund(key: string, tokens: number): Promise<boolean> {
    return this.store.refund(key, tokens);
  }

  undo(changes: readonly Change[]): Promise<number> {
    return this.store.undo(changes);
  }

  reset(key: string): Promise<boolean> {
    return this.store.reset(key);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private async decideOne(transaction: Transaction): Promise<TransactionReply> {
    const groups = groupBySlot(transaction.takes);
    if (groups.length === 1) return (await this.store.decide([transaction]))[0] as TransactionReply;
    // What is refused anyway is found by asking: refused requests then take from no bucket, not even for a moment.
    const asked = await Promise.all(groups.map((group) => this.decideGroup(group, true, false)));
    const found = combine(groups, asked);
    return transaction.peek || !found.admitted
      ? found
      : this.takeInTurn(groups, asked, transaction.revocable === true);
  }

  private async takeInTurn(
    groups: readonly SlotGroup[],
    asked: readonly TimedReplies[],
    revocable: boolean,
  ): Promise<TransactionReply> {
    const replies = [...asked];
    for (const [i, group] of groups.entries()) {
      const taken = await this.decideGroup(group, false, revocable).catch(async (error: unknown) => {
        await this.giveBack(groups.slice(0, i), replies).catch(() => undefined);
        throw error;
      });
      replies[i] = taken;
      if (!taken.replies[0]?.admitted) {
        await this.giveBack(groups.slice(0, i), replies);
        break;
      }
    }
    return combine(groups, replies);
  }

  private decideGroup({ takes }: SlotGroup, peek: boolean, revocable: boolean): Promise<TimedReplies> {
    return this.store.decideTimed([{ takes, peek, revocable }]);
  }

  private async giveBack(groups: readonly SlotGroup[], taken: readonly TimedReplies[]): Promise<void> {
    const refunds = groups.flatMap(({ takes }, i) =>
      takes
        .filter((take) => take.add > 0)
        .map(({ key, add, scale }) =>
          this.store.refund(key, add / scale.ticksPerToken, { at: (taken[i] as TimedReplies).now, ...scale }),
        ),
    );
    await Promise.all(refunds);
  }
}

/** The replies of the slots as that of the whole transaction. */
function combine(groups: readonly SlotGroup[], replies: readonly TimedReplies[]): TransactionReply {
  const levels: Ticks[] = [];
  const changes: Change[] = [];
  let [admitted, stepped, decidedAt] = [true, false, 0];
  groups.forEach(({ places }, i) => {
    const reply = replies[i]?.replies[0] as TransactionReply;
    places.forEach((place, j) => {
      levels[place] = reply.levels[j] as Ticks;
    });
    admitted &&= reply.admitted;
    stepped ||= reply.stepped;
    decidedAt = Math.max(decidedAt, reply.decidedAt);
    changes.push(...reply.changes);
  });
  return { admitted, source: 'redis', decidedAt, levels, stepped, changes: admitted ? changes : [] };
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

const hashTag = (key: string): string => key.slice(key.indexOf('{'), key.indexOf('}') + 1);
