export interface Goal {
  what: string;
  most?: number;
  least?: number;
  chart?: string;
}
export const GOALS: Readonly<Record<string, Goal>>;
export function isMet(goal: Goal, value: number): boolean;
