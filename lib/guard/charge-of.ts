import type { ExecutionContext } from '@nestjs/common';
import type { Hold } from '../algorithms/kernel.js';
import type { Limit } from '../algorithms/limit.js';
import { type Awaitable, chain, isPromise, mapAll } from '../common/awaitable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Charge } from '../limiter/charge.js';
import { newHold } from '../limiter/reservation.js';
import { checkCost } from '../options/parse-policy.js';
import type { Policy } from '../options/policy.js';
import type { PlannedPolicy } from '../plan/handler-plan.js';

/** What a policy asks of a request; undefined where it skips it, allows its key, or has no limits for it. */
export function chargeOf(planned: PlannedPolicy, context: ExecutionContext): Awaitable<Charge | undefined> {
  const { skips } = planned;
  if (skips.length === 0) return ask(planned, context);
  // Before the key is asked for: it may be what such a request does not have.
  const answers = mapAll<(typeof skips)[number], unknown>(skips, (skip) => skip(context));
  return chain(answers, (skipped) => {
    for (const answer of skipped) checkAnswer(answer, planned);
    return skipped.includes(true) ? undefined : ask(planned, context);
  });
}

function ask(planned: PlannedPolicy, context: ExecutionContext): Awaitable<Charge | undefined> {
  const { key, cost } = planned;
  if (typeof cost === 'number') {
    const text: Awaitable<unknown> = key(context);
    if (isPromise(text)) return text.then((later) => limited(planned, context, later, cost));
    return limited(planned, context, text, cost);
  }
  const questions = [key, cost];
  const answers = mapAll<(typeof questions)[number], unknown>(questions, (question) => question(context));
  return chain(answers, ([text, tokens]) => {
    checkKey(text, planned);
    checkCost(tokens, `${planned.place}: '${planned.id}'`);
    return limited(planned, context, text, tokens);
  });
}

function limited(
  planned: PlannedPolicy,
  context: ExecutionContext,
  key: unknown,
  cost: number,
): Awaitable<Charge | undefined> {
  checkKey(key, planned);
  if (planned.policy.allow.has(key)) return undefined;
  const limit = planned.limitOf(context, key);
  if (isPromise(limit)) return limit.then((known) => known && chargeFor(planned, key, cost, known));
  return limit && chargeFor(planned, key, cost, limit);
}

const chargeFor = (placed: PlannedPolicy, key: string, cost: number, limit: Limit): Charge => ({
  placed,
  key,
  cost,
  limit,
  reserve: holdOf(placed.policy),
});

/** What is settled when the handler has ended is an estimate until then. */
const holdOf = ({ settle, reservationTtlMs }: Policy): Hold | undefined =>
  settle === undefined ? undefined : newHold(reservationTtlMs);

function checkKey(key: unknown, { place, id }: PlannedPolicy): asserts key is string {
  if (typeof key === 'string') return;
  throw new RateLimitError(
    'INVALID_KEY',
    `${place}: the key of '${id}' is ${show(key)}; return a text, as (context) => String(…)`,
  );
}

/** What is neither yes nor no would silently be one of them. */
function checkAnswer(answer: unknown, { place, id }: PlannedPolicy): void {
  if (typeof answer === 'boolean') return;
  throw new RateLimitError(
    'INVALID_SKIP',
    `${place}: skip of '${id}' answered ${show(answer)}; answer true or false, as (context) => request.path === '/health'`,
  );
}
