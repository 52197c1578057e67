import type { Take } from '../../lib/algorithms/kernel.js';
import { PlainCall, type PlainQueue } from '../../lib/stores/plain-call.js';
import type { Store, TransactionReply } from '../../lib/stores/store.interface.js';

/** Plain takes that are waited for. */
class AwaitedCall extends PlainCall {
  readonly reply: Promise<TransactionReply>;
  override replied!: (reply: TransactionReply) => void;
  override failed!: (error: unknown) => void;

  constructor(takes: readonly Take[], counted: boolean) {
    const plain = takes.map((take) => {
      const [, policy = '', key = ''] = /^([^{]*):\{(.*)\}$/.exec(take.key) ?? [];
      return { take: { ...take, policy }, key };
    });
    const [first, ...others] = plain;
    super(first!.take, first!.key, others, counted, undefined);
    this.reply = new Promise((resolve, reject) => {
      this.replied = resolve;
      this.failed = reject;
    });
  }
}

/** Decides takes together: as a plain call, where the store has a queue for these and takes it. */
export async function decidePlainly(
  store: Store & Partial<PlainQueue>,
  takes: readonly Take[],
  counted = false,
): Promise<TransactionReply> {
  const call = new AwaitedCall(takes, counted);
  if (store.enqueue?.(call)) return call.reply;
  return (await store.decide([{ takes, counted }]))[0] as TransactionReply;
}
