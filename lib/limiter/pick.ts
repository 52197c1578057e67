import type { Charge } from './charge.js';
import { type Decision, soonest } from './decision.js';
import type { Judgement } from './judgement.js';
import type { Order } from './waiting/places.js';

/** The outcome for several buckets of which one was to be taken. */
export interface PickDecision {
  readonly allowed: boolean;
  /** Which of the requests was taken; undefined where none was. */
  readonly picked: number | undefined;
  /** One decision for each request, each as if it stood alone, in the order asked. */
  readonly decisions: readonly Decision[];
  /** That of the request that was taken; of a refusal the one that ends first. */
  readonly decision: Decision;
}

export interface PickOptions {
  /** Which of the requests to take where others would start no earlier; by default the one with the most tokens left. */
  prefer?: number | undefined;
}

/** One of several buckets, and which one it was. */
export function orderAny(charges: readonly Charge[], pick: PickOptions): Order<PickDecision> {
  return { charges, terms: { pick }, answer: pickOf };
}

export function pickOf({ admitted, chosen, outcomes }: Judgement): PickDecision {
  const decisions = outcomes.map((outcome) => outcome.decision);
  const decision = chosen === undefined ? soonest(decisions) : decisions[chosen];
  return { allowed: admitted, picked: chosen, decisions, decision: decision as Decision };
}
