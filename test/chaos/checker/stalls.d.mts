export interface Stall {
  readonly from: bigint;
  readonly until: bigint;
}

export function stalledMs(stalls: readonly Stall[], from: bigint, until: bigint): number;
