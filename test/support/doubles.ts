import type { Fraction } from '../../lib/algorithms/fraction.js';

function view(): DataView {
  return new DataView(new ArrayBuffer(8));
}

function fromBits(bits: bigint): number {
  const word = view();
  word.setBigUint64(0, bits);
  return word.getFloat64(0);
}

/** The doubles beside a positive one. */
export function neighbours(value: number): { below: number; above: number } {
  const word = view();
  word.setFloat64(0, value);
  const bits = word.getBigUint64(0);
  return { below: fromBits(bits - 1n), above: fromBits(bits + 1n) };
}

/** The exact value of a non-negative double, not in lowest terms. Doubling is exact, so it only counts the steps. */
export function doubleAsFraction(value: number): Fraction {
  let denominator = 1n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(scaled), denominator };
}
