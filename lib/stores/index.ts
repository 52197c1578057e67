export type { Change, Hold, Preference, Take, Terms, Verdict } from '../algorithms/kernel.js';
export { changesOf, decide } from '../algorithms/kernel.js';
export type { Lease, LeaseRequest } from '../algorithms/lease.js';
export { lease, returnLease, withoutLevel } from '../algorithms/lease.js';
export type { HeldTokens, Holds, LeaseSpent } from '../algorithms/lease-holds.js';
export type { Found } from '../algorithms/level.js';
export { find } from '../algorithms/level.js';
export type { BucketRecord, Mark, TakenAt } from '../algorithms/record.js';
export {
  alive,
  blockOf,
  endOf,
  FOREVER,
  isPromised,
  isSame,
  markOf,
  rebase,
  recordWithout,
  ticksBack,
} from '../algorithms/record.js';
export type { Report } from '../algorithms/report.js';
export { recordAfterReport, unblocked } from '../algorithms/report.js';
export type { Actual, Reserved, Settled } from '../algorithms/settlement.js';
export { reservedBy, settle } from '../algorithms/settlement.js';
export type { Scale, Ticks } from '../algorithms/ticks.js';
export { RecordStore, type Step, type Work } from './record.store.js';
export type {
  Candidate,
  Deadline,
  DecidedTake,
  DecisionSource,
  Inspection,
  LeaseState,
  OnStoreError,
  Store,
  StoreMoment,
  StoreState,
  Transaction,
  TransactionReply,
} from './store.interface.js';
