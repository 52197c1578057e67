// What a run has to show, in numbers.
import { answerMs, beyondBounds, ledgers, recoveryMs } from './checker/check.mjs';
import type { Line } from './history.js';
import { allPolicies, policies, toCheck } from './policies.js';
import type { Episode, Outcome } from './run.js';

/** How long after the beginning of a fault every breaker that opens for it has opened. */
const OPEN_AFTER_NS = 1_000_000_000n;

export interface Spread {
  readonly count: number;
  /** p99.9, but never one of the two worst: of a few values that would be whatever went wrong once. */
  readonly tail: number;
  readonly p999: number;
  readonly max: number;
}

export interface EpisodeFigures {
  readonly name: string;
  readonly episodes: number;
  readonly requests: number;
  /** Decided without the store. */
  readonly alone: number;
  /** Answers of 5xx that no policy has declared, and errors. */
  readonly failed: number;
  readonly unanswered: number;
  /** Milliseconds until the answer, less those in which the process was kept from its work; while the store may be asked. */
  readonly closed: Spread;
  /** The same with whatever the machine has added. */
  readonly closedRaw: Spread;
  /** Of calls of the service while it is known that the store is away, but for those that the machine has interrupted. */
  readonly open: Spread;
  /** Over HTTP at that time, on routes with limits and on one without. */
  readonly openHttp: Spread;
  readonly openPlain: Spread;
  /** Until the last of the processes has decided in the store again. */
  readonly recoveredMs: number;
}

/** Those of episodes of one name, together. */
export function figuresOf(outcome: Outcome): EpisodeFigures[] {
  const names = [...new Set(outcome.episodes.map(({ name }) => name))];
  return names.map((name) =>
    figuresOfAll(
      name,
      outcome.episodes.filter((episode) => episode.name === name),
      outcome,
    ),
  );
}

function figuresOfAll(
  name: string,
  episodes: readonly Episode[],
  { diaries, history }: Outcome,
): EpisodeFigures {
  const [decisions, plain] = [diaries.decisions, diaries.plain].map((lines) =>
    lines.filter(({ sent }) => episodes.some(({ from, end }) => sent >= from && sent < end)),
  ) as [Line[], Line[]];
  const requests = onePerRequest(decisions);
  const isOpen = (line: Line) => episodes.some((episode) => isWhileOpen(line, episode));
  const closed = requests.filter((line) => line.received !== null && !isOpen(line));
  const open = requests.filter((line) => line.source !== 'redis' && isOpen(line));
  return {
    name,
    episodes: episodes.length,
    requests: requests.length + plain.length,
    alone: decisions.filter(({ source }) => source !== null && source !== 'redis').length,
    failed: [...requests, ...plain].filter(isFailed).length,
    unanswered: requests.filter(({ received }) => received === null).length,
    closed: spread(closed.map(answerMs)),
    closedRaw: spread(closed.map((line) => answerMs({ ...line, stalledMs: 0 }))),
    open: spread(open.filter(isAskedAlone).map(answerMs)),
    openHttp: spread(open.filter(({ via }) => via === 'http').map(answerMs)),
    openPlain: spread(plain.filter(isOpen).map(answerMs)),
    recoveredMs: Math.max(0, ...episodes.flatMap((episode) => [...recoveryMs(history, episode).values()])),
  };
}

/** Beyond the bounds of all buckets together, in tokens: what replication has lost explains some. */
export const overAdmission = ({ history }: Outcome): number =>
  beyondBounds(history).reduce((sum, { ticks, perNs }) => sum + tokens(ticks, perNs), 0);

/** What replication has lost of all buckets, in tokens. */
export const lostTokens = ({ history }: Outcome): number =>
  (history.losses ?? []).reduce((sum, { policy, ticks }) => {
    const { perNs } = allPolicies.map(toCheck).find(({ name }) => name === policy)!;
    return sum + tokens(ticks, perNs);
  }, 0);

/** What ledgers miss beyond what was admitted: with the replies that were lost, and without. */
export function chargedBeyond({ history }: Outcome): { repeated: number; late: number } {
  const beyond = ledgers(history).filter((ledger) => ledger.beyond > 0);
  const sum = (found: typeof beyond) => found.reduce((tokens, ledger) => tokens + ledger.beyond, 0);
  const mayBe = ({ reading }: (typeof beyond)[number]) => (reading.mayExceed ?? 0) > 0;
  return { repeated: sum(beyond.filter(mayBe)), late: sum(beyond.filter((ledger) => !mayBe(ledger))) };
}

const tokens = (ticks: bigint, perNs: bigint): number => Number((ticks * 1000n) / perNs) / 1000;

/** Of a burst each waits for those before it. */
const isAskedAlone = ({ via, policy, preempted }: Line): boolean =>
  via === 'service' && policy !== policies.ahead.name && !preempted;

const isFailed = ({ error, status, source }: Line): boolean =>
  error !== undefined || (status !== null && status >= 500 && source !== 'deny');

/** Of one master among several it is not known from outside: then its replica has a breaker of its own. */
const isWhileOpen = ({ sent, received }: Line, { from, back, isWhole }: Episode): boolean =>
  isWhole && received !== null && sent >= from + OPEN_AFTER_NS && received <= back;

function onePerRequest(lines: readonly Line[]): Line[] {
  const found = new Map(lines.map((line) => [`${line.process} ${line.request}`, line]));
  return [...found.values()];
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const at = (place: number) => sorted[Math.max(0, place)] ?? 0;
  const p999 = Math.ceil(count * 0.999) - 1;
  return { count, tail: at(Math.min(p999, count - 3)), p999: at(p999), max: at(count - 1) };
}
