import type { Decision } from './decision.js';

/** How often a policy in shadow mode was evaluated by this process, and how often it would have refused. */
export interface ShadowCount {
  readonly policy: string;
  readonly evaluated: number;
  readonly refused: number;
}

/** Counts what policies in shadow mode would have decided, since the start of the process. */
export class ShadowCounts {
  private readonly counts = new Map<string, ShadowCount>();

  /** `onDecision` is told of each. */
  constructor(private readonly onDecision: (decision: Decision) => void = () => undefined) {}

  record(decision: Decision): void {
    const { policy, shadow } = decision;
    const { evaluated, refused } = this.counts.get(policy) ?? { evaluated: 0, refused: 0 };
    const isRefused = shadow === 'refused';
    this.counts.set(policy, { policy, evaluated: evaluated + 1, refused: refused + (isRefused ? 1 : 0) });
    this.onDecision(decision);
  }

  report(): ShadowCount[] {
    return [...this.counts.values()];
  }
}
