import type { HeaderSource } from '../reports/header-source.js';
import type { ProviderResponse } from '../reports/provider-report.js';

interface ResponseLike {
  readonly status: number;
  readonly headers: HeaderSource;
  /** The parsed body of axios. */
  readonly data?: unknown;
  readonly body?: unknown;
}

/**
 * The response in what a client answers or throws: a `Response` of fetch, a response of axios, or an error that has one as
 * `response`. Undefined where there is none.
 */
export function responseIn(result: unknown): ProviderResponse | undefined {
  if (isResponse(result)) return parts(result);
  const { response } = (result ?? {}) as { response?: unknown };
  return isResponse(response) ? parts(response) : undefined;
}

function parts({ status, headers, data, body }: ResponseLike): ProviderResponse {
  return { status, headers, body: data ?? body };
}

function isResponse(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Partial<ResponseLike>;
  return (
    typeof status === 'number' &&
    (typeof headers === 'object' || typeof headers === 'function') &&
    headers !== null
  );
}
