import { RateLimiterService } from '../../lib/index.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { LiveLimits } from '../../lib/limiter/live-limits.js';
import { PolicyRegistry } from '../../lib/limiter/policy-registry.js';
import { ShadowCounts } from '../../lib/limiter/shadow-counts.js';
import { BackgroundWork } from '../../lib/limiter/waiting/background-work.js';
import { Blocks } from '../../lib/limiter/waiting/blocks.js';
import { PlaceReturns } from '../../lib/limiter/waiting/place-returns.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import type { Store } from '../../lib/stores/store.interface.js';

export interface ServiceProcess {
  readonly service: RateLimiterService;
  /** Those of callers. Scheduled work has its own. */
  readonly turns: Turns;
  readonly background: BackgroundWork;
  readonly returns: PlaceReturns;
}

/** The service as the module wires it, without an application: each is a process of its own on the store. */
export function serviceOn(
  store: Store,
  live = new LiveLimits(store),
  decider: Pick<Store, 'decide'> = store,
): ServiceProcess {
  const [returns, blocks] = [new PlaceReturns(store), new Blocks()];
  const turns = new Turns(returns, blocks);
  const background = new BackgroundWork(new Turns(returns, blocks));
  const limiter = new Limiter(store, blocks, new ShadowCounts(), live, undefined, undefined, decider);
  return {
    service: new RateLimiterService(limiter, new PolicyRegistry(), turns, background),
    turns,
    background,
    returns,
  };
}
