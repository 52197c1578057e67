import { readGitHub } from './github.js';
import { headerText } from './header-source.js';
import { readOpenAi } from './openai.js';
import type { ProviderReport, ProviderResponse, ReportReader } from './provider-report.js';
import { readRateLimitFields } from './ratelimit-fields.js';
import { readRetryAfter } from './retry-after.js';
import { readShopify } from './shopify.js';
import { readXRateLimit } from './x-ratelimit.js';

/** GitHub's fields are everybody's; what it means by a bare 429 is its own. */
const readGitHubItself: ReportReader = (response, now) =>
  headerText(response.headers, 'x-github-request-id') === undefined ? undefined : readGitHub(response, now);

/** From the most particular to the most general. */
const READERS = [
  readOpenAi,
  readShopify,
  readGitHubItself,
  readRateLimitFields,
  readXRateLimit,
  readRetryAfter,
] satisfies ReportReader[];

/**
 * Reads a response of a provider that is not known beforehand: the first reader to which it says what remains, in the
 * order OpenAI (requests), Shopify, GitHub (known by `x-github-request-id`), RateLimit fields, `X-RateLimit-*`; else the
 * reader to which it says most, `Retry-After` alone included. Where the provider is known, its own reader is the better
 * choice.
 */
export function readReport(response: ProviderResponse, now = Date.now()): ProviderReport | undefined {
  let most: ProviderReport | undefined;
  for (const read of READERS) {
    const report = read(response, now);
    if (report?.remaining !== undefined) return report;
    if (report && Object.keys(report).length > Object.keys(most ?? {}).length) most = report;
  }
  return most;
}
