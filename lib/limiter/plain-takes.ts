import { algorithms } from '../algorithms/index.js';
import type { Limit } from '../algorithms/limit.js';
import type { PlainTake } from '../stores/store.interface.js';
import { policyPart } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';
import type { PlacedPolicy } from './placed-policy.js';

interface Known {
  readonly placed: PlacedPolicy;
  readonly limit: Limit;
  readonly take: PlainTake;
}

/** What plain charges ask of a store, without the key: worked out once, for a policy has mostly one limit and one cost. */
export class PlainTakes {
  private readonly known = new WeakMap<PlacedPolicy, Known>();

  private last: Known | undefined;

  of(charge: Charge): PlainTake {
    const { placed, cost } = charge;
    const limit = limitOf(charge);
    const known = this.last?.placed === placed ? this.last : this.known.get(placed);
    this.last = known;
    if (known !== undefined && known.limit === limit && known.take.cost === cost) return known.take;
    const { key: _, ...take } = algorithms[limit.algorithm](limit, '', cost);
    const plain = { ...take, policy: policyPart(placed.id) };
    this.known.set(placed, { placed, limit, take: plain });
    return plain;
  }
}
