import type { Found } from '../algorithms/level.js';
import type { StoreMoment, TransactionReply } from './store.interface.js';

/** When the replies of one call were decided, and where. */
export interface CallMoment extends StoreMoment {
  readonly source: TransactionReply['source'];
}

const NOTHING: readonly never[] = Object.freeze([]);

/** The reply to plain takes whose buckets are no more than levels, as nearly all are. The rest is made where somebody asks for it. */
export class LevelReply implements TransactionReply {
  constructor(
    readonly admitted: boolean,
    /** In which the first take has found its bucket. */
    readonly level: number,
    private readonly moment: CallMoment,
    /** The same of the takes beside it. */
    readonly others: readonly number[] = NOTHING,
  ) {}

  get source(): TransactionReply['source'] {
    return this.moment.source;
  }

  get now(): number {
    return this.moment.now;
  }

  get decidedAt(): number {
    return this.moment.decidedAt;
  }

  get found(): readonly Found[] {
    return [this.level, ...this.others].map((level) => ({ level, block: 0, blockEnd: 0, stepped: false }));
  }

  get charged(): readonly number[] {
    return this.admitted ? [0, ...this.others.map((_, i) => i + 1)] : NOTHING;
  }

  get instead(): undefined {
    return undefined;
  }

  get marks(): readonly never[] {
    return NOTHING;
  }

  get changes(): readonly never[] {
    return NOTHING;
  }
}
