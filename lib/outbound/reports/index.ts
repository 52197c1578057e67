export { readGitHub } from './github.js';
export type { HeaderSource } from './header-source.js';
export { type OpenAiReportOptions, readOpenAi } from './openai.js';
export type { ProviderReport, ProviderResponse, ReportReader } from './provider-report.js';
export { readRateLimitFields } from './ratelimit-fields.js';
export { readReport } from './read-report.js';
export { readRetryAfter } from './retry-after.js';
export { readShopify } from './shopify.js';
export { readXRateLimit } from './x-ratelimit.js';
