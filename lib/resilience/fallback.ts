import type { Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import { FOREVER } from '../algorithms/record.js';
import type { MemoryStore } from '../stores/memory/memory.store.js';
import type { OnStoreError, Transaction, TransactionReply } from '../stores/store.interface.js';
import type { Debts } from './debts.js';
import { type LocalTake, localTake } from './local-take.js';

export interface FallbackOptions {
  /** Of takes that do not say it. */
  readonly onStoreError: OnStoreError;
  /** By how many the limits are divided. */
  readonly instances: number;
  /** After how long a caller that was denied should try again, in microseconds. */
  readonly retryMicros: number;
}

/** Decides in this process, where the store cannot be asked, as each policy wants it. */
export class Fallback {
  constructor(
    private readonly store: MemoryStore,
    private readonly debts: Debts,
    private readonly options: FallbackOptions,
  ) {}

  /** Each of the transactions, in order. */
  decide(transactions: readonly Transaction[]): TransactionReply[] {
    return transactions.map((transaction) => this.decideOne(transaction));
  }

  private decideOne(transaction: Transaction): TransactionReply {
    const instead = transaction.takes.map((take, i) => this.local(take, transaction.onStoreError?.[i]));
    const [reply] = this.store.decide([{ ...transaction, takes: instead.map(({ asked }) => asked) }]);
    const { found, charged, now } = reply as TransactionReply;
    if (!transaction.peek) this.note(transaction.takes, instead, charged);
    return {
      ...(reply as TransactionReply),
      instead,
      found: found.map((place, i) => (instead[i]?.source === 'deny' ? this.denied(place, now) : place)),
    };
  }

  private local(take: Take, answer: OnStoreError = this.options.onStoreError): LocalTake {
    return localTake(take, answer, this.options.instances);
  }

  /** What was taken here is owed to the store. */
  private note(asked: readonly Take[], instead: readonly LocalTake[], charged: readonly number[]): void {
    for (const place of charged) {
      const [take, local] = [asked[place] as Take, instead[place] as LocalTake];
      if (local.source === 'memory' && take.cost > 0) this.debts.note(take);
    }
  }

  /** Nothing starts until the store may be back. */
  private denied(found: Found, now: number): Found {
    if (found.block === FOREVER) return found;
    const block = Math.max(found.block, this.options.retryMicros);
    return { ...found, block, blockEnd: now + block };
  }
}
