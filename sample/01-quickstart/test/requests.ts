import type { TestApp } from '../../../test/support/app.js';

/** A POST as the printed commands send it, by a user or by nobody. */
export function post(app: TestApp, path: string, user = ''): Promise<Response> {
  const headers = { 'X-User-ID': user, 'Content-Type': 'application/json' };
  return app.request(path, { method: 'POST', headers, body: '{"text":"hello"}' });
}

/** How often each status is answered to requests that are sent all at once. */
export async function countAtOnce(
  times: number,
  send: () => Promise<Response>,
): Promise<Record<number, number>> {
  const responses = await Promise.all(Array.from({ length: times }, send));
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
