import { algorithms } from '../algorithms/index.js';
import type { Limit } from '../algorithms/limit.js';
import type { PlainTake } from '../stores/store.interface.js';
import { policyPart } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';
import type { PlacedPolicy } from './placed-policy.js';

/** Costs of a policy that are remembered at a time: mostly there is one. */
const MOST_COSTS = 16;

/** Policies of which is known at once: those of a request, and of the few that come before it again. */
const MOST_RECENT = 8;

interface Known {
  readonly placed: PlacedPolicy;
  readonly limit: Limit;
  readonly byCost: Map<number, PlainTake>;
}

/** What plain charges ask of a store, without the key: worked out once, for a policy has mostly one limit and few costs. */
export class PlainTakes {
  private readonly known = new WeakMap<PlacedPolicy, Known>();
  private readonly recent: Known[] = [];
  private oldest = 0;

  of(charge: Charge): PlainTake {
    const known = this.ofPolicy(charge.placed, limitOf(charge));
    return known.byCost.get(charge.cost) ?? this.add(known, charge.cost);
  }

  private ofPolicy(placed: PlacedPolicy, limit: Limit): Known {
    for (const one of this.recent) if (one.placed === placed && one.limit === limit) return one;
    const before = this.known.get(placed);
    const known = before?.limit === limit ? before : { placed, limit, byCost: new Map() };
    if (known !== before) this.known.set(placed, known);
    this.recent[this.oldest] = known;
    this.oldest = (this.oldest + 1) % MOST_RECENT;
    return known;
  }

  private add({ placed, limit, byCost }: Known, cost: number): PlainTake {
    const { key: _, ...take } = algorithms[limit.algorithm](limit, '', cost);
    const plain = { ...take, policy: policyPart(placed.id) };
    if (byCost.size >= MOST_COSTS) byCost.clear();
    byCost.set(cost, plain);
    return plain;
  }
}
