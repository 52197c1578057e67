// Whether a run has shown what it must: the violations of its history, and figures beyond their bounds.
import {
  chargedBeyond,
  type EpisodeFigures,
  figuresOf,
  lostTokens,
  overAdmission,
  type Spread,
} from './figures.js';
import type { Outcome } from './run.js';
import { type Column, table } from './table.js';

const CLOSED_SLACK_MS = 20;
const OPEN_SLACK_MS = 2;

export interface Verdict {
  readonly text: string;
  readonly problems: readonly string[];
}

export function verdictOf(outcome: Outcome): Verdict {
  const { history, violations } = outcome;
  const figures = figuresOf(outcome);
  const problems = [
    ...violations.map(({ rule, message }) => `${rule}: ${message}`),
    ...figures.flatMap((figure) => boundsOf(figure, history.deadlineMs)),
    ...(outcome.leases === 0 ? ['nothing was taken ahead'] : []),
  ];
  const charged = chargedBeyond(outcome);
  const text = [
    table(columns, figures),
    `beyond the bound: ${overAdmission(outcome).toFixed(1)} tokens; lost by replication: ${lostTokens(outcome).toFixed(1)} tokens`,
    `ledgers read: ${history.levels?.length ?? 0}; late writes: ${charged.late}; charged twice, for a reply was lost: ${charged.repeated}; leases seen: ${outcome.leases ?? 'none are taken'}`,
    ...linesOf(outcome),
  ].join('\n');
  return { text, problems };
}

/**
 * What the limiter adds while the breaker is open is told twice: by calls of the service, and by routes beside one without
 * limits. The machine can make either of them late, and not only the limiter.
 */
function boundsOf({ name, closed, open, openHttp, openPlain }: EpisodeFigures, deadlineMs: number): string[] {
  const found: string[] = [];
  if (closed.p999 > deadlineMs + CLOSED_SLACK_MS)
    found.push(`${name}: p99.9 is ${closed.p999.toFixed(1)} ms`);
  const added = Math.min(open.tail, openHttp.tail - openPlain.tail);
  if (added > OPEN_SLACK_MS) found.push(`${name}: ${added.toFixed(2)} ms more with the breaker open`);
  return found;
}

/** What was logged beside the boot, and how often. */
function linesOf({ diaries }: Outcome): string[] {
  const counts = new Map<string, number>();
  for (const { log, message } of diaries.logs) {
    if (log === 'log') continue;
    const kind = message.replace(/127\.0\.0\.1:\d+/g, 'a node').slice(0, 110);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `logged ${count} times: ${kind}`);
}

const whole = (value: number): string => String(Math.round(value));
const both = ({ p999, max }: Spread): string => `${p999.toFixed(1)} / ${max.toFixed(1)}`;

const columns: readonly Column<EpisodeFigures>[] = [
  { title: 'fault', text: ({ name }) => name },
  { title: 'times', text: ({ episodes }) => whole(episodes) },
  { title: 'requests', text: ({ requests }) => whole(requests) },
  { title: 'alone', text: ({ alone }) => whole(alone) },
  { title: '5xx', text: ({ failed }) => whole(failed) },
  { title: 'unanswered', text: ({ unanswered }) => whole(unanswered) },
  { title: 'closed p99.9/max ms', text: ({ closed }) => both(closed) },
  { title: '(raw)', text: ({ closedRaw }) => both(closedRaw) },
  { title: 'open: service', text: ({ open }) => both(open) },
  { title: 'http', text: ({ openHttp }) => both(openHttp) },
  { title: 'no limit', text: ({ openPlain }) => both(openPlain) },
  { title: 'back after ms', text: ({ recoveredMs }) => whole(recoveredMs) },
];
