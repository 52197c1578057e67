// A process of its own: an application that takes from the known buckets, and writes down what it is told. Says `ready`; then
// it does what it is told, and says so when it is done. It ends with whoever has started it.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiterService } from 'nestjs-floodgate';
import { bootApp } from './app.js';
import type { Measurement, Order, TakerConfig } from './config.js';
import { Diary } from './diary.js';
import { Load } from './load.js';
import { openRedis } from './redis.js';
import { watchStalls } from './stalls.js';
import { SteppingClock } from './stepping-clock.js';

/** What has no answer by then is called unanswered. */
const ANSWERED_WITHIN_MS = 10_000;

const config = JSON.parse(process.argv[2]!) as TakerConfig;
const diary = new Diary(config.diary, config.name);
const log = (level: string) => (message: unknown) => diary.log(level, String(message));
const logger = { log: log('log'), warn: log('warn'), error: log('error'), fatal: log('fatal') };

const opened = openRedis(config.redis);
const steps = new SteppingClock();
const app = await bootApp(config, config.hasClock ? await steps.storeOn(opened, config) : opened, logger);
const load = new Load(config, await app.getUrl(), app.get(RateLimiterService), diary);

async function untilAnswered(): Promise<void> {
  const deadline = performance.now() + ANSWERED_WITHIN_MS;
  while (diary.pending > 0 && performance.now() < deadline) await sleep(5);
}

const stalls = watchStalls(diary);

const orders: { [Kind in Order['kind']]: (order: Order & { kind: Kind }) => unknown } = {
  start: () => load.start(),
  pause: async () => {
    load.pause();
    await untilAnswered();
  },
  step: (step) => steps.add(step),
  measure: (): Measurement => {
    // Twice: what the first run finalizes, the second frees.
    globalThis.gc?.();
    globalThis.gc?.();
    return { heapBytes: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length };
  },
  stop: async () => {
    load.pause();
    await untilAnswered();
    load.close();
    clearInterval(stalls);
    await app.close();
    opened.close();
    await diary.close();
  },
};

process.on('message', async (order: Order) => {
  const value = await orders[order.kind](order as never);
  process.send!({ value });
  if (order.kind === 'stop') process.disconnect();
});
process.on('disconnect', () => process.exit());
process.send!('ready');
