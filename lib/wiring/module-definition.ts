import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { RateLimitModuleOptions } from '../options/module-options.js';

export interface RateLimitModuleExtras {
  /** Whether every module may inject `RateLimiterService`; by default true. */
  isGlobal?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<RateLimitModuleOptions>({
    moduleName: 'RateLimit',
    optionsInjectionToken: Symbol.for('nestjs-floodgate.options'),
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createRateLimitOptions')
    .setExtras<RateLimitModuleExtras>({ isGlobal: true }, (definition, { isGlobal }) => ({
      ...definition,
      global: isGlobal,
    }))
    .build();
