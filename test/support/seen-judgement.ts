import type { Judgement } from '../../lib/limiter/judgement.js';
import { TakenDecision } from '../../lib/limiter/taken-decision.js';

/** All of a judgement that can be told from outside. */
export const seenIn = ({ admitted, outcomes, chosen, waitMs, slot, waiting, changes }: Judgement) => ({
  ...{ admitted, chosen, waitMs, slot, waiting, changes },
  outcomes: outcomes.map(({ placed, limit, decision, level, block }) => ({
    ...{ placed, limit, level, block },
    decision: { ...decision },
    mark: TakenDecision.markOf(decision),
    taken: TakenDecision.takenBy(decision),
    left: leftOf(decision),
  })),
});

function leftOf(decision: TakenDecision) {
  const left = TakenDecision.leftOf(decision);
  return left && { limit: left.limit, level: left.level, slot: left.slot };
}
