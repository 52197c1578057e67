/** Where a reader goes on: the guide, as the package carries it, and its sections. */
export const GUIDE = 'node_modules/nestjs-floodgate/docs/migrating-from-throttler.md';

/** @type {Readonly<Record<string, string>>} */
export const SECTIONS = {
  module: 'the-module',
  async: 'forrootasync',
  names: 'several-limits-at-once',
  override: 'other-limits-for-a-route-throttle',
  skip: 'no-limit-for-a-route-skipthrottle',
  guard: 'binding-the-guard',
  ownGuard: 'a-guard-of-your-own',
  key: 'who-is-limited',
  skipIf: 'skipif-and-ignoreuseragents',
  block: 'blockduration',
  headers: 'headers',
  refusal: 'what-a-refusal-looks-like',
  storage: 'storage',
  dynamic: 'limits-that-are-not-literals',
};

/** Which section tells of an export of the throttler that the codemod leaves to you, and what to do. */
export const LEFT = {
  ThrottlerModule: [
    'module',
    'import RateLimitModule.forRoot once, in the root module; no other module imports it',
  ],
  ThrottlerGuard: [
    'ownGuard',
    'the decorators and forRoot bind the guard; a guard of your own becomes options',
  ],
  ThrottlerException: ['refusal', 'a refusal is a RateLimitExceededException, made by the limiter'],
  ThrottlerStorage: ['storage', 'the option redis stands for a storage'],
  ThrottlerStorageService: ['storage', 'buckets in memory are the default'],
  InjectThrottlerStorage: ['storage', 'inject RateLimiterService instead'],
  InjectThrottlerOptions: ['module', 'nobody injects the options'],
  getStorageToken: ['storage', 'inject RateLimiterService instead'],
  getOptionsToken: ['module', 'nobody injects the options'],
  ThrottlerOptionsFactory: ['async', 'implement RateLimitOptionsFactory'],
  ThrottlerAsyncOptions: ['async', 'the options of forRootAsync are typed by NestJS'],
  ThrottlerModuleOptions: ['module', 'the type is RateLimitModuleOptions'],
  Throttle: ['dynamic', 'what a variable or a function says is not known before it runs'],
  SkipThrottle: ['dynamic', 'what a variable or a function says is not known before it runs'],
};
