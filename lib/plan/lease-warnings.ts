import type { PolicyRegistry } from '../limiter/policy-registry.js';

/** What was to be leased, of a store that knows nothing of leases. */
export function leaseWarnings({ all }: PolicyRegistry, hasLeases: boolean): string[] {
  const leased = all.filter(({ policy }) => policy.lease !== undefined);
  if (hasLeases || leased.length === 0) return [];
  const names = leased.map(({ id }) => `'${id}'`).join(', ');
  return [`The option store has no lease method, so it is asked for each request: ${names}.`];
}
