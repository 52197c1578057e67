import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { BoundRateLimiter } from './limiter/bound-rate-limiter.js';
import { limiterToken } from './limiter/limiter-token.js';
import { RateLimiterService } from './limiter/rate-limiter.service.js';
import type { Policy } from './options/policy.js';

const PLACE = 'RateLimitModule.forFeature';

/** Which call of `forFeature` a module comes from. */
const CALL = Symbol.for('nestjs-floodgate.feature');
let calls = 0;

/** Makes named policies injectable in the modules that import it. */
@Module({})
export class RateLimitFeatureModule {
  /** @throws RateLimitError `POLICY_NEEDS_NAME`, `INVALID_OPTION`; at boot, where a name names nothing */
  static of(policies: readonly (Policy | string)[]): DynamicModule {
    const providers = policies.map(
      (policy): Provider => ({
        provide: limiterToken(policy, PLACE),
        useFactory: (service: RateLimiterService) => {
          service.announce(policy, PLACE);
          return new BoundRateLimiter(service, policy);
        },
        inject: [RateLimiterService],
      }),
    );
    return {
      module: RateLimitFeatureModule,
      // Nest 10 takes two dynamic modules for one where they are written alike.
      providers: [...providers, { provide: CALL, useValue: ++calls }],
      exports: providers.map((provider) => (provider as { provide: string }).provide),
    };
  }
}
