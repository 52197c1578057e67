export function digits(value: number): string;
export function withSpread(values: readonly number[]): string;
