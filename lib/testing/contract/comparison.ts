import { type BucketRecord, recordOf } from '../../algorithms/record.js';
import type { Store, StoreState, TransactionReply } from '../../stores/store.interface.js';
import { KernelStore } from '../kernel.store.js';
import { type CreateStore, START, same } from './bench.js';
import { Random } from './random.js';
import { Traffic } from './traffic.js';

/** Does the same, at random, to a store and to the kernel, and compares every answer and every record. */
export async function compareWithKernel(
  create: CreateStore,
  seed: number,
  operations: number,
): Promise<void> {
  const clock = { now: START };
  const kernel = new KernelStore(() => clock.now);
  const store = await create(() => clock.now);
  const traffic = new Traffic(new Random(seed));
  for (let i = 1; i <= operations; i++) {
    const { text, step, call } = traffic.next();
    clock.now += step;
    const expected = await call(kernel);
    const rule = `seed ${seed}, operation ${i}, ${step} µs after the one before: ${text}`;
    same(answerOf(await call(store)), answerOf(expected), `${rule}\nis answered`);
    same(await recordsOf(store, clock.now), await recordsOf(kernel, clock.now), `${rule}\nleaves`);
    if (Array.isArray(expected)) traffic.learn(expected as TransactionReply[]);
  }
}

async function recordsOf(store: Store, now: number): Promise<(BucketRecord | undefined)[]> {
  const inspections = await store.inspect(Traffic.keys);
  return inspections.map(({ record }) => record && recordOf(record, now));
}

/** What must be equal: not what the store is, nor when this process has asked it. */
function answerOf(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(answerOf);
  if (typeof answer !== 'object' || answer === null) return answer;
  if ('admitted' in answer) return replyOf(answer as TransactionReply);
  const { source: _, decidedAt: __, ...rest } = answer as Partial<StoreState>;
  return rest;
}

/** A reply may be an object of a class, whose fields are its own or not. */
function replyOf({ admitted, now, instead, found, charged, marks, changes }: TransactionReply) {
  return { admitted, now, instead, found, charged, marks: marks.map(markText), changes };
}

/** A mark may carry more than what it has to. */
const markText = (mark: TransactionReply['marks'][number]) => mark && [mark.since, mark.sent];
