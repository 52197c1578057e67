import { channel } from 'node:diagnostics_channel';
import type { Decision } from '../limiter/decision.js';

/** What is published on the channel `nestjs-floodgate:shadow`. */
export interface ShadowMessage {
  readonly decision: Decision;
}

const shadowChannel = channel('nestjs-floodgate:shadow');

/**
 * Tells the subscribers of the channel, if there are any, what a policy in shadow mode would have decided. What one of
 * them throws goes by Node's own rule to `uncaughtException`, and not to the request.
 */
export function publishShadow(decision: Decision): void {
  if (shadowChannel.hasSubscribers) shadowChannel.publish({ decision } satisfies ShadowMessage);
}
