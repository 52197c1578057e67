// Two independent views on settling, in BigInt ticks: what a store must do to the tick, and what nobody may undercut.

export interface SettlingPolicy {
  readonly capacity: number;
  /** Ticks of a token, and drained in a microsecond. */
  readonly p: bigint;
  readonly n: bigint;
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER);
const max = (...values: bigint[]) => values.reduce((a, b) => (a > b ? a : b));
const min = (a: bigint, b: bigint) => (a < b ? a : b);

/** A start that was promised, and has passed, says nothing any more. */
const ahead = (promised: bigint | undefined, now: bigint) => (promised && promised > now ? promised : 0n);

/** One life of a bucket, from full to full, with what has left it otherwise than by draining. */
interface Life {
  returned: bigint;
  lost: bigint;
}

interface Bucket {
  level: bigint;
  at: bigint;
  promised: bigint;
  life: Life | undefined;
}

interface Kept {
  readonly cost: bigint;
  readonly level: bigint;
  readonly at: bigint;
  readonly until: bigint;
  readonly life: Life | undefined;
  readonly before: Readonly<Life>;
}

/** What a store must do, told in the words of docs/algorithms.md. */
export class SettlingModel {
  private bucket: Bucket | undefined;
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly policy: SettlingPolicy) {}

  level(now: bigint): bigint {
    const bucket = this.read(now);
    return bucket ? this.drained(bucket, now) : 0n;
  }

  /** Whether a take is admitted; `waits`: it may wait as long as a bucket fills. */
  take(cost: bigint, now: bigint, options: { id?: string; ttl?: bigint; waits?: boolean } = {}): boolean {
    const { capacity, p, n } = this.policy;
    const full = BigInt(capacity) * p;
    const [before, level] = [this.read(now), this.level(now)];
    const start = full - cost * p;
    if (cost > BigInt(capacity) || level > start + (options.waits ? full : 0n)) return false;
    if (cost > 0n) {
      const wait = options.waits ? max((level - start + n - 1n) / n, 0n) : 0n;
      this.bucket = {
        level: level + cost * p,
        at: now,
        promised: max(ahead(before?.promised, now), options.waits ? now + wait : 0n),
        life: before?.life ?? (options.id === undefined ? undefined : { returned: 0n, lost: 0n }),
      };
    }
    if (options.id !== undefined) {
      const after = this.read(now);
      this.kept.set(options.id, {
        cost,
        level: after?.level ?? 0n,
        at: now,
        until: now + options.ttl!,
        life: after?.life,
        before: { ...(after?.life ?? { returned: 0n, lost: 0n }) },
      });
    }
    return true;
  }

  /** By how many ticks the level rises; undefined where there is nothing to settle. */
  settle(id: string, actual: bigint, maxDebt: number, now: bigint): bigint | undefined {
    const bucket = this.read(now);
    this.forgetFull(now);
    const kept = this.kept.get(id);
    this.kept.delete(id);
    if (kept === undefined || now >= kept.until) return undefined;
    const { capacity, p } = this.policy;
    const level = this.level(now);
    if (actual > kept.cost) {
      const bound = min(BigInt(capacity + maxDebt) * p, MAX);
      const debt = min((actual - kept.cost) * p, max(bound - level, 0n));
      if (debt === 0n) return 0n;
      const promised = ahead(bucket?.promised, now);
      this.bucket = { life: bucket?.life, promised, level: level + debt, at: now };
      return debt;
    }
    if (bucket?.life === undefined || bucket.life !== kept.life || bucket.promised > now) return 0n;
    const back = min((kept.cost - actual) * p, max(this.left(kept, bucket.life, now), 0n));
    if (back === 0n) return 0n;
    bucket.life.returned += back;
    Object.assign(bucket, { level: level - back, at: now, promised: 0n });
    this.forgetFull(now);
    return -back;
  }

  /** Whether anything was given back. */
  refund(tokens: bigint, now: bigint): boolean {
    const bucket = this.read(now);
    this.forgetFull(now);
    if (bucket === undefined || bucket.promised > now) return false;
    const back = min(tokens * this.policy.p, bucket.level);
    bucket.level -= back;
    bucket.promised = 0n;
    if (bucket.life) bucket.life.lost += back;
    this.forgetFull(now);
    return true;
  }

  reset(): void {
    this.bucket = undefined;
  }

  private forgetFull(now: bigint): void {
    if (this.read(now) === undefined) this.reset();
  }

  private left(kept: Kept, life: Life, now: bigint): bigint {
    const [returned, lost] = [life.returned - kept.before.returned, life.lost - kept.before.lost];
    return max(kept.cost * this.policy.p, kept.level - returned) - lost - this.policy.n * (now - kept.at);
  }

  /** The bucket, unless it is full: it is kept, for a clock that steps back has not filled it yet. Time that a clock has gone back over is never drained again. */
  private read(now: bigint): Bucket | undefined {
    const { bucket } = this;
    if (bucket === undefined) return undefined;
    const stepped = bucket.at - now;
    if (stepped > 0n) {
      if (bucket.life) bucket.life.lost += this.policy.n * stepped;
      bucket.promised = max(bucket.promised - stepped, 0n);
      bucket.at = now;
    }
    return this.drained(bucket, now) === 0n ? undefined : bucket;
  }

  private drained({ level, at }: Bucket, now: bigint): bigint {
    return max(level - this.policy.n * (now - at), 0n);
  }
}

interface Event {
  /** Microseconds of forward movement of the clock. */
  readonly time: bigint;
  ticks: bigint;
}

/**
 * What really was used, each cost at the time of its take: whoever knew all of it from the start would have the lowest
 * level that a store may have. It is told what the takes have cost as soon as that is known, and goes over all again.
 */
export class Hindsight {
  private readonly events: Event[] = [];

  constructor(private readonly policy: SettlingPolicy) {}

  take(ticks: bigint, time: bigint): Event {
    const event = { time, ticks };
    this.events.push(event);
    return event;
  }

  giveBack(ticks: bigint, time: bigint): void {
    this.events.push({ time, ticks: -ticks });
  }

  level(now: bigint): bigint {
    let [level, at] = [0n, 0n];
    for (const { time, ticks } of this.events) {
      level = max(max(level - this.policy.n * (time - at), 0n) + ticks, 0n);
      at = time;
    }
    return max(level - this.policy.n * (now - at), 0n);
  }
}
