export interface Spread {
  median: number;
  low: number;
  high: number;
  count: number;
}
export function quantile(values: readonly number[], share: number): number;
export function median(values: readonly number[]): number;
export function mean(values: readonly number[]): number;
export function spread(values: readonly number[]): Spread;
export function ratios(ours: readonly number[], theirs: readonly number[]): Spread;
