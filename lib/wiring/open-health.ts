import { Logger } from '@nestjs/common';
import { publishStoreChange } from '../observability/store-channel.js';
import { StoreHealth } from '../resilience/store-health.js';
import { logChanges } from './store-log.js';

/** What knows whether the store answers, with those who tell of it. */
export function openHealth(): StoreHealth {
  const logger = new Logger('RateLimitModule');
  const health = new StoreHealth((error) =>
    logger.error(`a listener of StoreHealth has failed: ${error instanceof Error ? error.stack : error}`),
  );
  logChanges(health, logger);
  health.onChange(publishStoreChange);
  return health;
}
