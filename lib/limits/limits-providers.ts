import type { ExecutionContext, Type } from '@nestjs/common';
import { type ContextId, ContextIdFactory, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { LimitsResolver } from '../options/limits.js';

interface Provider {
  readonly isDependencyTreeStatic: () => boolean;
}

/** Finds the classes of `limits` among the providers of the application. */
export class LimitsProviders {
  private readonly contextIds = new WeakMap<object, ContextId>();

  constructor(
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * What gives the instance for a request: the same for all, or one of its own where it is request-scoped.
   * @throws RateLimitError `LIMITS_PROVIDER` where no module provides the class, or several do
   */
  find(type: Type<LimitsResolver>, place: string): (context: ExecutionContext) => Promise<LimitsResolver> {
    const wrappers = [...this.modules.values()].flatMap(
      (module) => (module.providers.get(type) as Provider | undefined) ?? [],
    );
    const [wrapper] = wrappers;
    if (wrapper === undefined || wrappers.length > 1) throw notOne(type, wrappers.length, place);
    if (wrapper.isDependencyTreeStatic()) {
      const instance = Promise.resolve(this.moduleRef.get(type, { strict: false }));
      return () => instance;
    }
    return (context) => this.moduleRef.resolve(type, this.contextIdOf(context), { strict: false });
  }

  /** That of the handler where it is request-scoped too: then they share what the request has. */
  private contextIdOf(context: ExecutionContext): ContextId {
    const request = requestOf(context);
    const known = this.contextIds.get(request);
    if (known !== undefined) return known;
    const contextId = ContextIdFactory.getByRequest(request);
    this.moduleRef.registerRequestByContextId(request, contextId);
    this.contextIds.set(request, contextId);
    return contextId;
  }
}

/** What Nest makes request-scoped providers for. */
function requestOf(context: ExecutionContext): Record<string, unknown> {
  const type: string = context.getType();
  const args = context.getArgs();
  if (type === 'http') return context.switchToHttp().getRequest();
  // The context of a GraphQL operation; the data of a message.
  return args[type === 'graphql' ? 2 : 0];
}

function notOne(type: Type, count: number, place: string): RateLimitError {
  return new RateLimitError(
    'LIMITS_PROVIDER',
    count === 0
      ? `${place}: limits is ${type.name}, which no module provides; add it to the providers of one`
      : `${place}: limits is ${type.name}, which ${count} modules provide, so nothing says which one is meant; provide it in one module, and import that`,
  );
}
