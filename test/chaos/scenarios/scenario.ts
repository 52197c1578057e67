import type { Outcome } from '../run.js';

export interface ScenarioOptions {
  readonly seed: number;
  /** As much as fits into a minute, together with the others. */
  readonly isShort: boolean;
  /** How often what can be repeated is. */
  readonly times: number;
}

export interface Scenario {
  readonly name: string;
  /** Whether the short form has it too. */
  readonly inShort: boolean;
  run(options: ScenarioOptions): Promise<Outcome>;
}
