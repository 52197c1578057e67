/** What was tried, is simpler, and admits too much. `none` is what is built. */
export const MUTATIONS = [
  'none',
  // On the side of the process:
  'an id is used again after a return',
  'no margin before the expiry',
  'the monotonic clock alone',
  // On the side of the store:
  'what has expired is taken as unspent',
  'what has expired is added without draining to its expiry',
  'a waiter beside a lease',
] as const;

export type Mutation = (typeof MUTATIONS)[number];
