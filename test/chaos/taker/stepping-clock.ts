import type { RateLimitModuleOptions } from 'nestjs-floodgate';
import type { ClockStep, TakerConfig } from './config.js';
import { clock } from './diary.js';
import type { OpenedRedis } from './redis.js';

/** Far ahead, so that nothing expires by the server's own clock. */
const START_MICROS = Date.UTC(2100, 0) * 1000;

/** A clock that goes with the machine's, and steps where it is told to. */
export class SteppingClock {
  private readonly steps: { at: bigint; micros: number }[] = [];

  add({ at, micros }: ClockStep): void {
    this.steps.push({ at: BigInt(at), micros });
  }

  /** In microseconds. */
  read(): number {
    const now = clock();
    return this.steps.reduce(
      (sum, { at, micros }) => (at <= now ? sum + micros : sum),
      START_MICROS + Number(now / 1000n),
    );
  }

  /** No option of the module has a clock: so it is given the store that it would make itself. */
  async storeOn(
    { redis }: OpenedRedis,
    { prefix }: TakerConfig,
  ): Promise<Pick<RateLimitModuleOptions, 'store'>> {
    // Compiled, the library lies where `lib` is not in the path.
    const module = new URL('../../../stores/redis/redis.store.js', import.meta.url).href;
    const { RedisStore } = (await import(
      module
    )) as typeof import('../../../lib/stores/redis/redis.store.js');
    return { store: new RedisStore(redis as never, { prefix, clock: () => this.read() }) };
  }
}
