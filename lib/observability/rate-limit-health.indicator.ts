import * as nest from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import { StoreHealth } from '../resilience/store-health.js';

export interface RateLimitHealthOptions {
  /** Whether the application counts as down while a part of its limits is not decided by the store. */
  readonly strict?: boolean;
}

/** In the form of Terminus, which is not needed for it. */
export type RateLimitHealthResult<Key extends string = string> = Record<
  Key,
  {
    status: 'up' | 'down';
    /** `fallback`: decisions are made as `onStoreError` says, of all keys or of those of some nodes. */
    store: 'deciding' | 'fallback';
    /** The nodes that are not asked, where there are any. `since` is a time in ISO 8601. */
    nodes?: { node: string; reason: string; since: string }[];
  }
>;

/** What Terminus 10 takes for an indicator that is down; there a result that says so counts as up. */
class DownError extends Error {
  readonly isHealthCheckError = true;

  constructor(readonly causes: RateLimitHealthResult) {
    super('the store of the rate limits does not decide');
    this.name = 'RateLimitHealthError';
  }
}

/** Terminus 10 is for NestJS 10 and below, and all that run on newer lines read the result. NestJS 11 has brought this class. */
const RESULTS_COUNT = 'IntrinsicException' in nest;

/** Whether the store of the rate limits answers, for a health check: of `@nestjs/terminus`, 10 to 12, or of your own. */
@Injectable()
export class RateLimitHealthIndicator {
  constructor(@Inject(StoreHealth) private readonly health: StoreHealth) {}

  /**
   * An application whose store does not answer goes on, by `onStoreError`. So it is up, and the details tell of it; down only
   * with `strict`. On NestJS 10 it then rejects with an error whose `causes` is the result, as Terminus wants it there.
   */
  async isHealthy<Key extends string>(
    key: Key,
    { strict = false }: RateLimitHealthOptions = {},
  ): Promise<RateLimitHealthResult<Key>> {
    const result = this.look(key, strict);
    if (result[key].status === 'down' && !RESULTS_COUNT) throw new DownError(result);
    return result;
  }

  private look<Key extends string>(key: Key, strict: boolean): RateLimitHealthResult<Key> {
    const { state, openNodes } = this.health;
    const told =
      state === 'closed'
        ? { status: 'up', store: 'deciding' }
        : {
            status: strict ? 'down' : 'up',
            store: 'fallback',
            nodes: openNodes.map(({ since, ...node }) => ({ ...node, since: new Date(since).toISOString() })),
          };
    return { [key]: told } as RateLimitHealthResult<Key>;
  }
}
