import type { Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { className } from '../common/class-scope.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { declaredOnMethod } from './declarations.js';
import { isFieldResolver } from './handler-kind.js';

/** What is read of the options of a GraphQL module: of its provider by this name. */
interface GraphqlOptions {
  readonly include?: readonly unknown[];
  readonly fieldResolverEnhancers?: readonly string[];
}
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

const NEEDED = ['guards', 'interceptors'];

/**
 * Guards and interceptors run on field resolvers only where the GraphQL module is told so.
 * @throws RateLimitError `FIELD_RESOLVER_UNGUARDED`
 */
export function checkFieldResolvers(modules: ModulesContainer): void {
  const schemas = [...modules.values()].flatMap(({ providers }) => {
    const options: unknown = providers.get(GRAPHQL_OPTIONS)?.instance;
    return typeof options === 'object' && options !== null ? [options as GraphqlOptions] : [];
  });
  for (const { metatype, providers } of modules.values()) {
    const serving = schemas.filter(({ include = [] }) => include.length === 0 || include.includes(metatype));
    const missing = NEEDED.find((one) => serving.some((schema) => !runs(schema, one)));
    if (missing === undefined) continue;
    for (const wrapper of providers.values()) refuseLimits(wrapper.metatype as Type | null, missing);
  }
}

const runs = ({ fieldResolverEnhancers = [] }: GraphqlOptions, enhancer: string): boolean =>
  fieldResolverEnhancers.includes(enhancer);

function refuseLimits(type: Type | null, missing: string): void {
  if (typeof type?.prototype !== 'object') return;
  for (const method of new MetadataScanner().getAllMethodNames(type.prototype)) {
    const [limit] = declaredOnMethod(type, method).policies;
    if (limit === undefined || !isFieldResolver(type, type.prototype[method])) continue;
    throw new RateLimitError(
      'FIELD_RESOLVER_UNGUARDED',
      `${className(type)}.${method}: ${limit.decorator} stands on a field resolver, where the GraphQL module runs no ${missing}, so it would limit nothing; write fieldResolverEnhancers: ['guards', 'interceptors'] in the options of GraphQLModule, or put the limit on the query`,
    );
  }
}
