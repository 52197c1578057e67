import type { Scale } from '../../algorithms/ticks.js';

const MOST_KINDS = 8;

/** The buckets of one policy: their slots by key. So nobody has to put a name together to find one. */
export class Home {
  readonly slots = new Map<string, number>();
  /** Those that were asked for lately: a policy has mostly one, or one for each plan of its users. */
  private readonly kinds: BucketKind[] = [];
  private oldest = 0;

  /** Undefined: of buckets whose names are not of the form `policy:{key}`. */
  constructor(private readonly policy: string | undefined) {}

  /** The policy that a name says. */
  static policyOf(name: string): string | undefined {
    return name.endsWith('}') && name.includes(':{') ? name.slice(0, name.indexOf(':{')) : undefined;
  }

  keyOf(name: string): string {
    return this.policy === undefined ? name : name.slice(this.policy.length + 2, -1);
  }

  nameOf(key: string): string {
    return this.policy === undefined ? key : `${this.policy}:{${key}}`;
  }

  kind({ ticksPerToken, ticksPerMicro }: Scale, room: number): BucketKind {
    for (const kind of this.kinds) if (kind.isOf(ticksPerToken, ticksPerMicro, room)) return kind;
    const kind = new BucketKind(this, ticksPerToken, ticksPerMicro, room);
    this.kinds[this.oldest] = kind;
    this.oldest = (this.oldest + 1) % MOST_KINDS;
    return kind;
  }
}

/** What buckets have in common that were written by one limit. */
export class BucketKind implements Scale {
  private static made = 0;

  /** Tells it from all others, where a number is compared more cheaply. Never 0. */
  readonly id: number;
  /** The level in ticks above which less than a token is left. */
  readonly refusesAbove: number;

  constructor(
    readonly home: Home,
    readonly ticksPerToken: number,
    readonly ticksPerMicro: number,
    /** How many tokens such a bucket holds. */
    readonly room: number,
  ) {
    this.id = ++BucketKind.made;
    this.refusesAbove = (room - 1) * ticksPerToken;
  }

  isOf(ticksPerToken: number, ticksPerMicro: number, room: number): boolean {
    return this.ticksPerToken === ticksPerToken && this.ticksPerMicro === ticksPerMicro && this.room === room;
  }
}
