import type { BucketRecord } from '../../algorithms/kernel.js';

const RECORD = /^(\d+) (\d+) (\d+) (\d+)(?: l(\d+))?$/;

/** A record as `record.lua` writes it: `level at n P`, then `l` and the last promised start, where there is one. */
export function recordText({ level, at, ticksPerMicro, ticksPerToken, last }: BucketRecord): string {
  return `${level} ${at} ${ticksPerMicro} ${ticksPerToken}${last === undefined ? '' : ` l${last}`}`;
}

/** Undefined for no text: the bucket is full. */
export function parseRecord(text: string): BucketRecord | undefined {
  const [, level, at, ticksPerMicro, ticksPerToken, last] = RECORD.exec(text) ?? [];
  if (level === undefined) return undefined;
  return {
    level: Number(level),
    at: Number(at),
    ticksPerMicro: Number(ticksPerMicro),
    ticksPerToken: Number(ticksPerToken),
    ...(last === undefined ? {} : { last: Number(last) }),
  };
}
