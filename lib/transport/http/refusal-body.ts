import { RateLimitError } from '../../errors/rate-limit.error.js';
import { show } from '../../errors/show.js';

/** A body as it is sent. */
export interface RefusalBody {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Written out where the request is refused, not in a filter: Nest has no answer for a filter that fails.
 * @throws RateLimitError `INVALID_REFUSAL` for what cannot be written as JSON
 */
export function refusalBody(content: object | string): RefusalBody {
  if (typeof content === 'string') return { contentType: 'text/plain; charset=utf-8', text: content };
  const type = isProblem(content) ? 'application/problem+json' : 'application/json';
  return { contentType: `${type}; charset=utf-8`, text: toJson(content) };
}

const isProblem = (content: object): boolean =>
  'type' in content && 'title' in content && 'status' in content;

function toJson(content: object): string {
  try {
    // What has a `toJSON` of its own may come to nothing.
    const text: string | undefined = JSON.stringify(content);
    if (text !== undefined) return text;
  } catch (cause) {
    throw notJson(content, cause);
  }
  throw notJson(content);
}

const notJson = (content: object, cause?: unknown): RateLimitError =>
  new RateLimitError(
    'INVALID_REFUSAL',
    `RateLimitModule.forRoot: refusal.body answered ${show(content)}, which cannot be written as JSON; return plain values`,
    { cause },
  );
