import type { Rate } from '../options/limits.js';
import type { Stage } from '../options/policy-options.js';
import type { HandlerKind } from '../plan/handler-kind.js';
import { textTable } from './text-table.js';

/** A policy of a route, as it is in force. */
export interface ExplainedPolicy {
  /** Its name, or the place of one without a name: what decisions call it. */
  readonly policy: string;
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  /** Undefined where `limits` says it for each request. */
  readonly capacity: number | undefined;
  /** As it was written; undefined where `limits` says it for each request. */
  readonly rate: Rate | undefined;
  /** Whether `limits` says capacity and rate for each request. */
  readonly perRequest: boolean;
  /** Whether requests wait for their turn. */
  readonly waits: boolean;
  /** Whether it is evaluated and recorded, but not enforced. */
  readonly shadow: boolean;
  /** Who is limited, as `byIp(64)`; of a function of yours its name. */
  readonly key: string;
  /** Who shares its buckets: one method, the routes of a class, all that use the name, or every route. */
  readonly scope: 'method' | 'class' | 'name' | 'global';
  readonly stage: Stage;
  /** Tokens that a request takes. */
  readonly cost: number | 'per request';
  /** The predicates that exempt requests, by their names. */
  readonly skips: readonly string[];
  /** Keys that are not limited. */
  readonly allow: readonly string[];
}

/** A handler, as one kind of request finds it. */
export interface ExplainedRoute {
  /** `Cats.find`. */
  readonly route: string;
  readonly kind: HandlerKind;
  /** What is decided, in this order: the stage `guard` first. */
  readonly policies: readonly ExplainedPolicy[];
  /** What `@SkipRateLimit` exempts it from. */
  readonly skipped: readonly string[];
}

const HEAD = ['route', 'kind', 'policy', 'limit', 'key', 'scope', 'stage', 'cost', 'not for'];

/** What is limited in an application, and what is not. As a text it is a table. */
export class Explanation {
  constructor(
    /** In the order of the modules and of the source. */
    readonly routes: readonly ExplainedRoute[],
    /** The routes that nothing limits. */
    readonly unlimited: readonly string[],
    /** What the boot has warned of. */
    readonly warnings: readonly string[],
  ) {}

  toString(): string {
    return [
      textTable(HEAD, this.routes.flatMap(rowsOf)),
      `\nNot limited: ${this.unlimited.join(', ') || 'none'}`,
      ...(this.warnings.length === 0 ? [] : ['\nWarnings:']),
      ...this.warnings.map((warning) => `- ${warning}`),
    ].join('\n');
  }
}

/** One line for each policy; a route without any has one all the same. */
function rowsOf({ route, kind, policies, skipped }: ExplainedRoute): string[][] {
  const lines = [...policies.map(cellsOf), ...skipped.map((id) => [`${id} (skipped)`])];
  return (lines.length === 0 ? [['-']] : lines).map((cells, i) => [
    ...(i === 0 ? [route, kind] : ['', '']),
    ...cells,
  ]);
}

function cellsOf(one: ExplainedPolicy): string[] {
  const { policy, shadow, key, scope, stage, cost, skips, allow } = one;
  const notFor = [...skips, ...allow.map((allowed) => JSON.stringify(allowed))];
  return [
    shadow ? `${policy} (shadow)` : policy,
    limitText(one),
    key,
    scope,
    stage,
    String(cost),
    notFor.join(', '),
  ];
}

function limitText({ capacity, rate, waits }: ExplainedPolicy): string {
  const numbers = capacity === undefined ? 'per request' : `${capacity} at ${rateText(rate)}`;
  return waits ? `${numbers}, waits` : numbers;
}

const rateText = (rate: Rate | undefined): string => (typeof rate === 'number' ? `${rate}/s` : String(rate));
