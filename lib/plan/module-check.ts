import { Scope, type Type } from '@nestjs/common';
import { APP_GUARD, type ModulesContainer } from '@nestjs/core';
import { RateLimitError } from '../errors/rate-limit.error.js';

/** @throws RateLimitError `DUPLICATE_FOR_ROOT`: two stores would count every request apart */
export function checkSingleRoot(modules: ModulesContainer, root: Type): void {
  const roots = [...modules.values()].filter(({ metatype }) => metatype === root);
  if (roots.length <= 1) return;
  throw new RateLimitError(
    'DUPLICATE_FOR_ROOT',
    `RateLimitModule.forRoot: imported ${roots.length} times, and every store would count apart; import it once, in the root module: every other module has it from there`,
  );
}

/**
 * Global guards run in the order of their modules. One before ours turns requests away before the guard stage has seen
 * them: said, not forbidden.
 */
export function checkGuardOrder(modules: ModulesContainer, root: Type): string[] {
  const warnings: string[] = [];
  for (const module of modules.values()) {
    if (module.metatype === root) return warnings;
    if ([...module.providers, ...module.injectables].some(isGlobalGuard)) {
      warnings.push(
        `A global guard of ${module.metatype.name} runs before rate limits are decided, so what it refuses is not limited. To limit first, provide it in a module that is imported after RateLimitModule.`,
      );
    }
  }
  return warnings;
}

/** One that is made for each request runs after all that are made once, ours among them. */
const isGlobalGuard = ([token, { scope }]: [unknown, { readonly scope?: Scope }]): boolean =>
  typeof token === 'string' &&
  token.startsWith(`${APP_GUARD} `) &&
  (scope ?? Scope.DEFAULT) === Scope.DEFAULT;
