/**
 * What axios 1.21 makes of an answer, without axios: its response and its error have these members, checked against it. A
 * status outside 2xx is thrown.
 */
export async function axiosLikeGet(url: string, headers: Record<string, string>): Promise<AxiosLikeResponse> {
  const config = { url, method: 'get', headers };
  const answer = await fetch(url, { headers });
  const text = await answer.text();
  const response: AxiosLikeResponse = {
    status: answer.status,
    statusText: answer.statusText,
    headers: new AxiosLikeHeaders(answer.headers),
    config,
    request: {},
    data: answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text,
  };
  if (answer.ok) return response;
  throw new AxiosLikeError(response, config);
}

export interface AxiosLikeResponse {
  status: number;
  statusText: string;
  headers: AxiosLikeHeaders;
  config: object;
  request: object;
  data: unknown;
}

/** Fields as properties, and a `get` that they inherit. */
class AxiosLikeHeaders {
  [name: string]: unknown;

  constructor(headers: Headers) {
    for (const [name, value] of headers) this[name] = value;
  }

  get(name: string): unknown {
    return Object.entries(this).find(([own]) => own === name.toLowerCase())?.[1];
  }
}

export class AxiosLikeError extends Error {
  override readonly name = 'AxiosError';
  readonly isAxiosError = true;
  readonly code: string;
  readonly status: number;
  readonly request: object;

  constructor(
    readonly response: AxiosLikeResponse,
    readonly config: object,
  ) {
    super(`Request failed with status code ${response.status}`);
    this.code = response.status >= 500 ? 'ERR_BAD_RESPONSE' : 'ERR_BAD_REQUEST';
    this.status = response.status;
    this.request = response.request;
  }
}
