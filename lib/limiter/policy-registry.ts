import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { keyIdentity } from '../keys/key-resolver.js';
import { describe, Policy, type Shadow } from '../options/policy.js';
import type { PlacedPolicy } from './placed-policy.js';

interface Definition extends PlacedPolicy {
  readonly place: string;
}

/**
 * The policies of an application by the ids of their buckets. A name means the same wherever it is used, and no two
 * places share a bucket by accident.
 */
export class PolicyRegistry {
  private readonly definitions = new Map<string, Definition>();
  /** Policies without a name, and who has the id: the class in whose scope it stands. */
  private readonly nameless = new Map<string, PlacedPolicy & { readonly owner: unknown }>();
  private readonly expected: { readonly name: string; readonly place: string }[] = [];
  private readonly shadows = new Set<string>();

  /** Policies that do not say it themselves are in shadow mode, or not, as the module says. */
  constructor(private readonly shadow: Shadow = false) {}

  get names(): string[] {
    return [...this.definitions.keys()];
  }

  /** The policies that are evaluated, but not enforced. */
  get inShadow(): string[] {
    return [...this.shadows];
  }

  /** All that are known by now. */
  get all(): PlacedPolicy[] {
    return [...this.definitions.values(), ...this.nameless.values()];
  }

  /**
   * Makes a named policy known. The same parameters may be given in several places.
   * @throws RateLimitError `POLICY_NEEDS_NAME`, or `POLICY_CONFLICT` where they differ
   */
  define(policy: Policy, place: string): PlacedPolicy {
    const { name } = policy;
    if (name === undefined) {
      throw new RateLimitError(
        'POLICY_NEEDS_NAME',
        `${place}: the ${describe(policy)} has no name, so nothing says which bucket is meant; give it one: name: 'chat'`,
      );
    }
    const known = this.definitions.get(name);
    if (known === undefined) {
      if (this.nameless.has(name)) throw sharedId(name, place);
      const definition = Object.freeze({ ...this.placed(name, policy), place });
      this.definitions.set(name, definition);
      return definition;
    }
    const difference = known.policy === policy ? undefined : firstDifference(known.policy, policy);
    if (difference === undefined) return known;
    throw new RateLimitError(
      'POLICY_CONFLICT',
      `${place}: policy '${name}' has ${difference}, unlike '${name}' of ${known.place}; define it once as a value and use @RateLimit(value), or give one of them another name`,
    );
  }

  /**
   * A policy without a name, whose id is its place. The class that stands there may ask again.
   * @throws RateLimitError `DUPLICATE_SCOPE`
   */
  place(policy: Policy, id: string, owner: unknown, place: string): PlacedPolicy {
    const known = this.nameless.get(id);
    if ((known !== undefined && known.owner !== owner) || this.definitions.has(id)) throw sharedId(id, place);
    const placed = this.placed(id, policy);
    this.nameless.set(id, { ...placed, owner });
    return placed;
  }

  /** A name that has to be known once the application is complete: see `checkExpected`. */
  expect(name: string, place: string): void {
    this.expected.push({ name, place });
  }

  /** @throws RateLimitError `UNKNOWN_POLICY` */
  checkExpected(): void {
    for (const { name, place } of this.expected) this.find(name, place);
  }

  /**
   * Any policy: a named one as `find` does, or one without a name by its id, which is its place, or by its value where that
   * stands in one place alone.
   * @throws RateLimitError as `find`
   */
  findAny(policy: Policy | string, place: string): PlacedPolicy {
    const isMeant = (placed: PlacedPolicy) => placed.id === policy || placed.policy === policy;
    const meant = [...this.nameless.values()].filter(isMeant);
    if (meant.length > 1) throw severalPlaces(meant, place);
    return meant[0] ?? this.find(policy, place);
  }

  /**
   * A named policy by its value, which also defines it, or by its name.
   * @throws RateLimitError `UNKNOWN_POLICY`, `POLICY_NEEDS_NAME`, `POLICY_CONFLICT`
   */
  find(policy: Policy | string, place: string): PlacedPolicy {
    if (policy instanceof Policy) return this.define(policy, place);
    const known = this.definitions.get(policy);
    if (known !== undefined) return known;
    const names = this.names.map((name) => `'${name}'`).join(', ') || 'none';
    throw new RateLimitError(
      'UNKNOWN_POLICY',
      `${place}: ${show(policy)} names no policy; known are: ${names}. Add it to RateLimitModule.forRoot({ policies: [tokenBucket({ name: … })] })`,
    );
  }

  /** The same without a check: undefined where `find` has to look closer. */
  known(policy: Policy | string): PlacedPolicy | undefined {
    if (typeof policy === 'string') return this.definitions.get(policy);
    const known = this.definitions.get(policy?.name ?? '');
    return known?.policy === policy ? known : undefined;
  }

  private placed(id: string, policy: Policy): PlacedPolicy {
    const shadow = policy.shadow ?? this.shadow;
    if (shadow === false) return { id, policy };
    this.shadows.add(id);
    return { id, policy, shadow };
  }
}

const sharedId = (id: string, place: string): RateLimitError =>
  new RateLimitError(
    'DUPLICATE_SCOPE',
    `${place}: two classes or policies are called '${id}', and would share one bucket; give this policy a name: name: '${id.toLowerCase()}-2'`,
  );

function severalPlaces(placed: readonly PlacedPolicy[], place: string): RateLimitError {
  const ids = placed.map(({ id }) => `'${id}'`).join(', ');
  return new RateLimitError(
    'POLICY_NEEDS_NAME',
    `${place}: the ${describe((placed[0] as PlacedPolicy).policy)} stands at ${ids}, with buckets of their own, so nothing says which are meant; write one of these places, or give it a name: name: 'chat'`,
  );
}

/** The first parameter in which two policies differ, as a text; functions are the same only if they are one. */
function firstDifference(a: Policy, b: Policy): string | undefined {
  for (const [parameter, read] of PARAMETERS) {
    if (read(a) !== read(b)) return `${parameter} ${show(read(b))} instead of ${show(read(a))}`;
  }
  return undefined;
}

const PARAMETERS: readonly [string, (policy: Policy) => unknown][] = [
  ['algorithm', (policy) => policy.algorithm],
  ['capacity', (policy) => policy.capacity],
  ['rate', ({ effectiveRate: rate }) => rate && `${rate.tokens}/${rate.perMicroseconds}µs`],
  ['limits', (policy) => policy.limits],
  ['limitsTtlMs', (policy) => policy.limitsTtlMs],
  ['shape', (policy) => policy.shape.shapes],
  ['maxWaitMs', (policy) => policy.maxWaitMs],
  ['key', (policy) => policy.key && keyIdentity(policy.key)],
  ['cost', (policy) => policy.cost],
  ['skip', (policy) => policy.skip],
  ['allow', ({ allow }) => [...allow].join(', ') || undefined],
  ['stage', (policy) => policy.stage],
  ['onStoreError', (policy) => policy.onStoreError],
  ['shadow', ({ shadow }) => shadow && (shadow.headers ? '{ headers: true }' : true)],
  ['settle', (policy) => policy.settle],
  ['maxDebt', (policy) => policy.maxDebt],
  ['reservationTtlMs', (policy) => policy.reservationTtlMs],
  ['lease', ({ lease }) => lease && JSON.stringify(lease)],
];
