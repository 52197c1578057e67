import { type BucketRecord, blockLeft, FOREVER, isIdle, isPromised, rebased } from './bucket-record.js';
import type { OutboundDecision } from './outbound.js';
import { type DecideEntry, type OutboundOperation, outboundPolicies } from './outbound-scenario.js';
import type { Synced } from './outbound-sync.js';
import { compare } from './rational.js';

const NOTHING_YET = {
  admitted: 0,
  refused: 0,
  peeks: 0,
  refusedByBlock: 0,
  refusedForever: 0,
  costZero: 0,
  costAboveCapacity: 0,
  /** Waits that their bucket alone has caused, a block, or another entry. */
  waitedForTokens: 0,
  placedBehindBlock: 0,
  lineBehindBlock: 0,
  raisedByOther: 0,
  tooImpatient: 0,
  /** A full bucket that its block keeps. */
  blockOutlivesFull: 0,
  countLostByExpiry: 0,
  /** A count that grew too large for a number. */
  countStartedAnew: 0,
  scaleChanged: 0,
  rebased: 0,
  rebasedWithBlock: 0,
  rebasedForever: 0,
  newerLowered: 0,
  newerRaised: 0,
  newerHeldByPromise: 0,
  newerHeldByLine: 0,
  olderRaised: 0,
  olderChangedNothing: 0,
  unmarkedRaised: 0,
  markOfAnotherLife: 0,
  blocks: 0,
  blocksForever: 0,
  unblocked: 0,
  nothingToUnblock: 0,
  pickedBy_nothing: 0,
  pickedBy_wait: 0,
  pickedBy_preference: 0,
  pickedBy_room: 0,
  pickedBy_index: 0,
  pickRefused: 0,
  refunds: 0,
  refundsHeldByPromise: 0,
  undone: 0,
  undoneTogether: 0,
  notUndone: 0,
  resets: 0,
};

export type OutboundCoverage = typeof NOTHING_YET;

/** Counts what has happened, so that a test can assert that it did. */
export class OutboundCounter {
  readonly coverage: OutboundCoverage = { ...NOTHING_YET };

  /** Before the operation, with what is stored for the key. */
  found({ at, kind }: OutboundOperation, stored: BucketRecord | undefined, policy: number): void {
    const { coverage } = this;
    if (stored === undefined || kind === 'reset' || kind === 'undo') return;
    const now = BigInt(at);
    if (stored.at > now) {
      coverage.rebased++;
      if (stored.blocked === FOREVER) coverage.rebasedForever++;
      else if (stored.blocked !== undefined) coverage.rebasedWithBlock++;
    }
    if (isIdle(stored, now)) {
      if (stored.count) coverage.countLostByExpiry++;
    } else {
      if (isIdle({ ...stored, blocked: undefined }, now)) coverage.blockOutlivesFull++;
      if (stored.micros !== outboundPolicies[policy]!.micros) coverage.scaleChanged++;
    }
  }

  decided(
    operation: OutboundOperation & { kind: 'decide' },
    decision: OutboundDecision,
    found: Found[],
  ): void {
    const { coverage } = this;
    const { admitted, pickedBy } = decision;
    if (operation.peek) coverage.peeks++;
    else coverage[admitted ? 'admitted' : 'refused']++;
    if (operation.pick) {
      if (pickedBy === undefined) coverage.pickRefused++;
      else coverage[`pickedBy_${pickedBy}`]++;
    }
    operation.entries.forEach((entry, index) => {
      this.entry(entry, decision, index, found[index]!, BigInt(operation.at));
    });
  }

  synced(operation: OutboundOperation & { kind: 'sync' }, synced: Synced, before: Found): void {
    const { coverage } = this;
    if (operation.forever) coverage.blocksForever++;
    if (operation.retryAfterMs) coverage.blocks++;
    if (operation.remaining === undefined) return;
    const moved = compare(synced.target, synced.level);
    const { shapes } = outboundPolicies[operation.policy]!;
    if (synced.otherLife) coverage.markOfAnotherLife++;
    if (synced.newer) {
      if (moved !== 0) coverage[moved < 0 ? 'newerLowered' : 'newerRaised']++;
      if (synced.held) coverage[shapes ? 'newerHeldByLine' : 'newerHeldByPromise']++;
    } else if (operation.mark === undefined) coverage.unmarkedRaised += moved;
    else if (before?.count && !synced.otherLife)
      coverage[moved > 0 ? 'olderRaised' : 'olderChangedNothing']++;
  }

  refunded({ at, policy, cost }: OutboundOperation & { kind: 'refund' }, found: Found): void {
    if (found === undefined || cost === 0 || outboundPolicies[policy]!.shapes) return;
    const held = isPromised(rebased(found, BigInt(at)), BigInt(at));
    this.coverage[held ? 'refundsHeldByPromise' : 'refunds']++;
  }

  undone(times: number): void {
    this.coverage[times > 0 ? 'undone' : 'notUndone']++;
    if (times > 1) this.coverage.undoneTogether++;
  }

  private entry(
    { policy, cost, patience }: DecideEntry,
    { admitted, results, marks }: OutboundDecision,
    index: number,
    found: Found,
    now: bigint,
  ): void {
    const { coverage } = this;
    const { capacity, shapes } = outboundPolicies[policy]!;
    const { allowed, delayMs } = results[index]!;
    const block = blockLeft(found, now);
    const waits = shapes || patience !== undefined;
    const mark = marks[index];
    if (mark && found?.count && !isIdle(rebased(found, now), now) && mark.since !== found.count.since)
      coverage.countStartedAnew++;
    if (cost === 0) coverage.costZero++;
    if (cost > capacity) coverage.costAboveCapacity++;
    else if (!allowed && block === FOREVER) coverage.refusedForever++;
    else if (!allowed && block > 0n && !waits) coverage.refusedByBlock++;
    else if (!allowed && waits) coverage.tooImpatient++;
    if (!admitted || delayMs === 0) return;
    if (block > 0n) coverage[shapes ? 'lineBehindBlock' : 'placedBehindBlock']++;
    else if (found === undefined) coverage.raisedByOther++;
    else if (!shapes) coverage.waitedForTokens++;
  }
}

/** What was stored for a key before the operation. */
export type Found = BucketRecord | undefined;
