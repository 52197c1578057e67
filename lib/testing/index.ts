export { assertLimited, type ExpectedPolicy } from './assert-limited.js';
export {
  type ContractCase,
  type StoreContractOptions,
  storeContract,
} from './contract/store-contract.js';
export { ManualClock } from './manual-clock.js';
export { type HandlerOf, policiesOf } from './policies-of.js';
export { RateLimitTesting } from './rate-limit-testing.js';
export { type OverridableBuilder, RateLimitTestingModule } from './rate-limit-testing.module.js';
