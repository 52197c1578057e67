import { channel } from 'node:diagnostics_channel';
import type { Decision } from '../limiter/decision.js';

/** What is published on the channel `nestjs-floodgate:decision`. */
export interface DecisionMessage {
  readonly decision: Decision;
}

const decisionChannel = channel('nestjs-floodgate:decision');

/**
 * Tells the subscribers of the channel, if there are any, of a decision: for metrics. What one of them throws goes by Node's
 * own rule to `uncaughtException`, and not to the request.
 */
export function publishDecision(decision: Decision): void {
  if (decisionChannel.hasSubscribers) decisionChannel.publish({ decision } satisfies DecisionMessage);
}
