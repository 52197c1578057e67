import type { Holds } from '../../algorithms/lease-holds.js';
import type { BucketRecord, Mark } from '../../algorithms/record.js';

const RECORD =
  /^(\d+) (\d+) (\d+) (\d+)(?: l(\d+))?(?: b(\d+))?(?: s(\d+) (\d+) (\d+))?(?: r([\w-]+) (\d+) (\d+))?(?: h([\w-]+(?: \d+){3}(?:,[\w-]+(?: \d+){3})*))?$/;

/**
 * A record as `record.lua` writes it: `level at n P`, then, each only where there is one, `l` and the last promised start,
 * `b` and the end of the block, `s` and the count of what was sent, `r` and the count of what has flowed out, `h` and the
 * leases, in the order in which they expire: `id held settled expires`, with commas between them.
 */
export function recordText(record: BucketRecord): string {
  const { level, at, ticksPerMicro, ticksPerToken, last, blocked, since, sent, synced } = record;
  const { reserved, returned, lost, holds } = record;
  const promised = last === undefined ? '' : ` l${last}`;
  const block = blocked === undefined ? '' : ` b${blocked}`;
  const count = since === undefined ? '' : ` s${since} ${sent} ${synced}`;
  const outflow = reserved === undefined ? '' : ` r${reserved} ${returned} ${lost}`;
  const leases = holds === undefined ? '' : ` h${holds.map(holdText).join(',')}`;
  return `${level} ${at} ${ticksPerMicro} ${ticksPerToken}${promised}${block}${count}${outflow}${leases}`;
}

const holdText = ({ id, held, settled, expires }: Holds[number]): string =>
  `${id} ${held} ${settled} ${expires}`;

const parseHolds = (text: string): Holds =>
  text.split(',').map((hold) => {
    const [id = '', held, settled, expires] = hold.split(' ');
    return { id, held: Number(held), settled: Number(settled), expires: Number(expires) };
  });

/** Undefined for no text: the bucket is full. */
export function parseRecord(text: string): BucketRecord | undefined {
  const [whole, level, at, ticksPerMicro, ticksPerToken, last, blocked, ...counts] = RECORD.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const [since, sent, synced, reserved, returned, lost, holds] = counts;
  return {
    level: Number(level),
    at: Number(at),
    ticksPerMicro: Number(ticksPerMicro),
    ticksPerToken: Number(ticksPerToken),
    ...(last === undefined ? {} : { last: Number(last) }),
    ...(blocked === undefined ? {} : { blocked: Number(blocked) }),
    ...(since === undefined ? {} : { since: Number(since), sent: Number(sent), synced: Number(synced) }),
    ...(reserved === undefined ? {} : { reserved, returned: Number(returned), lost: Number(lost) }),
    ...(holds === undefined ? {} : { holds: parseHolds(holds) }),
  };
}

/** A mark as `decide.lua` tells it: `since sent`, no text for none. */
export function parseMark(text: string): Mark | undefined {
  const [since, sent] = text.split(' ');
  return sent === undefined ? undefined : { since: Number(since), sent: Number(sent) };
}
