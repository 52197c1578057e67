import type { Decision } from '../limiter/decision.js';
import { RateLimitExceededException } from './rate-limit-exceeded.exception.js';
import type { Transport } from './transport.js';

/** Messages, events and resolvers: nothing to tell limits with; a refusal is the exception itself. */
export const messageTransport: Transport = {
  invocation: (context) => context.getArgs(),
  publish: () => undefined,
  refusal: (_, outcomes) =>
    new RateLimitExceededException(outcomes.map(({ decision }): Decision => decision)),
};
