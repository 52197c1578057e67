import type { Take } from '../../lib/algorithms/kernel.js';
import { PlainCall, type PlainQueue } from '../../lib/stores/plain-call.js';
import type { Store, TransactionReply } from '../../lib/stores/store.interface.js';

/** A plain take that is waited for. */
class AwaitedCall extends PlainCall {
  readonly reply: Promise<TransactionReply>;
  override replied!: (reply: TransactionReply) => void;
  override failed!: (error: unknown) => void;

  constructor(take: Take, counted = false) {
    const [, policy = '', key = ''] = /^([^{]*):\{(.*)\}$/.exec(take.key) ?? [];
    super({ ...take, policy }, key, counted, undefined);
    this.reply = new Promise((resolve, reject) => {
      this.replied = resolve;
      this.failed = reject;
    });
  }
}

/** Decides one take: as a plain call, where the store has a queue for these and takes it. */
export async function decidePlainly(
  store: Store & Partial<PlainQueue>,
  take: Take,
  counted = false,
): Promise<TransactionReply> {
  const call = new AwaitedCall(take, counted);
  if (store.enqueue?.(call)) return call.reply;
  return (await store.decide([{ takes: [take], counted }]))[0] as TransactionReply;
}
