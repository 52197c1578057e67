import { channel } from 'node:diagnostics_channel';
import type { StoreChange } from '../resilience/store-health.js';

const storeChannel = channel('nestjs-floodgate:store');

/** Tells the subscribers of the channel `nestjs-floodgate:store` that the store has stopped deciding, or decides again. */
export function publishStoreChange(change: StoreChange): void {
  if (storeChannel.hasSubscribers) storeChannel.publish(change);
}
