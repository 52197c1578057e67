import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import { className, classScope } from '../common/class-scope.js';
import type { KeyResolver } from '../keys/index.js';
import { needsUser } from '../keys/key-resolver.js';
import { ProxyWatch } from '../keys/proxy-watch.js';
import type { PlacedPolicy } from '../limiter/placed-policy.js';
import type { PolicyRegistry } from '../limiter/policy-registry.js';
import type { PolicyLimits } from '../limits/policy-limits.js';
import { parsePolicy } from '../options/parse-policy.js';
import { Policy } from '../options/policy.js';
import type { SkipPredicate, Stage } from '../options/policy-options.js';
import { type Declaration, type Declared, declaredOnClass, declaredOnMethod } from './declarations.js';
import { isFieldResolver } from './handler-kind.js';
import type { DeclaredPolicy, HandlerPlan, Origin, PlannedPolicy } from './handler-plan.js';

interface FoundPolicy {
  readonly policy: Policy;
  /** Where it was found, for messages. */
  readonly place: string;
}

/** Where policies are declared. */
interface Site {
  readonly origin: Origin;
  /** The scope of a policy without a name; the place is for messages. */
  readonly scope: (place: string) => string;
  readonly owner: unknown;
}

/** Works out plans: which policies a handler has, under which names, with which keys, at which stage. */
export class PlanBuilder {
  /** Sees what is limited by the address of requests. */
  readonly proxies = new ProxyWatch();
  private readonly parsed = new Map<Declaration, Policy>();
  private readonly globals: readonly DeclaredPolicy[];

  constructor(
    private readonly registry: PolicyRegistry,
    private readonly limits: PolicyLimits,
    private readonly defaults: {
      readonly key: KeyResolver;
      readonly global: readonly Policy[];
      readonly skip: SkipPredicate | undefined;
    },
  ) {
    const place = 'RateLimitModule.forRoot: global';
    const globals = defaults.global.map((policy) => ({ policy, place }));
    this.globals = this.placeAll(globals, { origin: 'global', scope: () => 'global', owner: this });
  }

  /** Makes the named policies of a class or method known, before any name is looked up. */
  define(declared: Declared, place: string): void {
    for (const declaration of declared.policies) {
      const policy = this.policyOf(declaration, place);
      if (policy instanceof Policy && policy.name !== undefined) {
        this.registry.define(policy, placeOf(declaration, place));
      }
    }
  }

  /** Whether any request to the class may be limited. */
  limitsAny(type: Type): boolean {
    const methods = new MetadataScanner().getAllMethodNames(type.prototype);
    const declared = [declaredOnClass(type), ...methods.map((method) => declaredOnMethod(type, method))];
    return this.globals.length > 0 || declared.some(({ policies }) => policies.length > 0);
  }

  /**
   * Whether any of what is declared, or counts everywhere, is still at work when the handler begins or has ended.
   * @throws RateLimitError where that is not known yet
   */
  leavesWork(declared: readonly Declared[]): boolean {
    const declarations = declared.flatMap(({ policies }) => policies);
    const policies = declarations.map((declaration) => {
      const policy = this.policyOf(declaration, declaration.decorator);
      return policy instanceof Policy ? policy : this.registry.find(policy, declaration.decorator).policy;
    });
    return [...this.defaults.global, ...policies].some(
      (policy) =>
        stageOf(policy, policy.key ?? this.defaults.key) === 'handler' ||
        policy.shape.shapes ||
        policy.settle !== undefined,
    );
  }

  build(type: Type, method: string): HandlerPlan {
    const [onType, place] = [className(type), `${className(type)}.${method}`];
    const handler = type.prototype[method];
    const [onClass, onMethod] = [declaredOnClass(type), declaredOnMethod(type, method)];
    // What counts for all that a class answers counts once for an operation, not for each value in its answer.
    const common = isFieldResolver(type, handler)
      ? []
      : [
          ...this.globals,
          ...this.placeDeclared(onClass, onType, {
            origin: 'class',
            scope: (at) => classScope(type, at),
            owner: type,
          }),
        ];
    const scope = (at: string) => `${classScope(type, at, handler)}.${method}`;
    const own = this.placeDeclared(onMethod, place, { origin: 'method', scope, owner: type });
    // A policy counts once for a request, however often it is named.
    const placed = firstOfEach([...common, ...own]);
    const skips = this.skippedBy([...onClass.skips, ...onMethod.skips], place);
    const isSkipped = ({ id }: PlacedPolicy) => skips === 'all' || skips.has(id);
    return Object.freeze({
      ...this.byStage(
        placed.filter((one) => !isSkipped(one)),
        place,
      ),
      skipped: placed.filter(isSkipped),
    });
  }

  private byStage(placed: readonly DeclaredPolicy[], place: string): Record<Stage, PlannedPolicy[]> {
    const stages: Record<Stage, PlannedPolicy[]> = { guard: [], handler: [] };
    for (const one of placed) {
      const { policy } = one;
      const key = policy.key ?? this.defaults.key;
      stages[stageOf(policy, key)].push(
        Object.freeze({
          ...one,
          key: this.proxies.over(key),
          cost: policy.cost,
          skips: this.skipsOf(policy),
          limitOf: this.limits.of(policy, place),
          place,
        }),
      );
    }
    return stages;
  }

  private skipsOf({ skip }: Policy): SkipPredicate[] {
    const known = [this.defaults.skip, skip].filter((predicate) => predicate !== undefined);
    return known.map((predicate) => this.proxies.over(predicate));
  }

  private skippedBy(skips: Declared['skips'], place: string): 'all' | ReadonlySet<string> {
    if (skips.includes('all')) return 'all';
    const policies = skips.flatMap((skip) => (skip === 'all' ? [] : skip));
    return new Set(policies.map((policy) => this.registry.find(policy, `${place}: @SkipRateLimit`).id));
  }

  private placeDeclared(declared: Declared, place: string, site: Site): DeclaredPolicy[] {
    const found = declared.policies.map((declaration) => {
      const at = placeOf(declaration, place);
      const policy = this.policyOf(declaration, place);
      return { policy: policy instanceof Policy ? policy : this.registry.find(policy, at).policy, place: at };
    });
    return this.placeAll(found, site);
  }

  /** A named policy goes by its name, one without by its place; several without are counted. */
  private placeAll(found: readonly FoundPolicy[], { origin, scope, owner }: Site): DeclaredPolicy[] {
    let nameless = 0;
    return found.map(({ policy, place }) => {
      if (policy.name !== undefined) {
        const { id, policy: known, shadow } = this.registry.define(policy, place);
        return { id, policy: known, shadow, origin };
      }
      nameless++;
      const id = nameless === 1 ? scope(place) : `${scope(place)}#${nameless}`;
      return { ...this.registry.place(policy, id, owner, place), origin };
    });
  }

  private policyOf(declaration: Declaration, place: string): Policy | string {
    if ('policy' in declaration) return declaration.policy;
    const known = this.parsed.get(declaration);
    if (known !== undefined) return known;
    const policy = parsePolicy(declaration.algorithm, declaration.options, placeOf(declaration, place));
    this.parsed.set(declaration, policy);
    return policy;
  }
}

const firstOfEach = (placed: readonly DeclaredPolicy[]): DeclaredPolicy[] =>
  placed.filter(({ id }, i) => placed.findIndex((other) => other.id === id) === i);

/** What has to know the user, and what makes the request wait, comes after every guard. */
function stageOf(policy: Policy, key: KeyResolver): Stage {
  return policy.stage ?? (needsUser(key) || policy.shape.shapes ? 'handler' : 'guard');
}

const placeOf = ({ decorator }: Declaration, place: string): string => `${place}: ${decorator}`;
