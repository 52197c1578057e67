import { RateLimitExceededError } from '../limiter/rate-limit-exceeded.error.js';
import type { Transport } from './transport.js';

/** Messages, events and resolvers: no headers to tell limits with, and a refusal is an error like another. */
export const messageTransport: Transport = {
  invocation: (context) => context.getArgs(),
  publish: () => undefined,
  onGone: () => () => undefined,
  interruption: (reason) => reason,
  refusal: (_, outcomes) => new RateLimitExceededError(outcomes.map(({ decision }) => decision)),
};
