import { algorithms } from '../algorithms/index.js';
import type { Limit } from '../algorithms/limit.js';
import type { PlainTake } from '../stores/store.interface.js';
import { policyPart } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';
import type { PlacedPolicy } from './placed-policy.js';

/** Costs of a policy that are remembered at a time: mostly there is one. */
const MOST_COSTS = 16;

interface Known {
  readonly placed: PlacedPolicy;
  readonly limit: Limit;
  readonly byCost: Map<number, PlainTake>;
}

/** What plain charges ask of a store, without the key: worked out once, for a policy has mostly one limit and few costs. */
export class PlainTakes {
  private readonly known = new WeakMap<PlacedPolicy, Known>();
  private last: Known | undefined;

  of(charge: Charge): PlainTake {
    const known = this.ofPolicy(charge.placed, limitOf(charge));
    return known.byCost.get(charge.cost) ?? this.add(known, charge.cost);
  }

  private ofPolicy(placed: PlacedPolicy, limit: Limit): Known {
    const { last } = this;
    if (last?.placed === placed && last.limit === limit) return last;
    const before = this.known.get(placed);
    const known = before?.limit === limit ? before : { placed, limit, byCost: new Map() };
    if (known !== before) this.known.set(placed, known);
    this.last = known;
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
