import type { Decision } from '../../lib/limiter/decision.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store } from '../../lib/stores/store.interface.js';

/** A store asked the way the service asks, without an application around it. */
export interface Asker {
  take(policy: Policy, key: string, cost?: number): Promise<Decision>;
  peek(policy: Policy, key: string, cost?: number): Promise<Decision>;
  takeAll(...charges: [Policy, string, number?][]): Promise<Decision[]>;
  refund(policy: Policy, key: string, cost: number): Promise<boolean>;
  reset(policy: Policy, key: string): Promise<boolean>;
}

/** `id` names the bucket, so that several policies can stand for one that is changed. */
export function ask(store: Store, id?: string): Asker {
  const limiter = new Limiter(store);
  const charge = (policy: Policy, key: string, cost = 1) => ({
    placed: { id: id ?? policy.name ?? 'policy', policy },
    key,
    cost,
  });
  const decide = async (charges: ReturnType<typeof charge>[], peek: boolean) =>
    (await limiter.decide(charges, { peek })).outcomes.map(({ decision }) => decision);
  return {
    take: async (...of) => (await decide([charge(...of)], false))[0]!,
    peek: async (...of) => (await decide([charge(...of)], true))[0]!,
    takeAll: (...all) =>
      decide(
        all.map((of) => charge(...of)),
        false,
      ),
    refund: async (...of) => limiter.refund(charge(...of)),
    reset: async (policy, key) => limiter.reset(charge(policy, key)),
  };
}
