import type { Found } from '../algorithms/level.js';
import type { StoreMoment, TransactionReply } from './store.interface.js';

/** When the replies of one call were decided, and where. */
export interface CallMoment extends StoreMoment {
  readonly source: TransactionReply['source'];
}

const NOTHING: readonly never[] = Object.freeze([]);
const ONLY: readonly number[] = Object.freeze([0]);

/** The reply to a plain take whose bucket is no more than a level, as nearly all are. The rest is made where somebody asks for it. */
export class LevelReply implements TransactionReply {
  constructor(
    readonly admitted: boolean,
    /** In which the take has found its bucket. */
    readonly level: number,
    private readonly moment: CallMoment,
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
    return [{ level: this.level, block: 0, blockEnd: 0, stepped: false }];
  }

  get charged(): readonly number[] {
    return this.admitted ? ONLY : NOTHING;
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
