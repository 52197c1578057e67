import type { Type } from '@nestjs/common';

type Handler = (...args: never[]) => unknown;

// Metadata keys of Nest and its packages; most of them are not exported.
const MARKS = {
  http: ['path'],
  ws: ['message'],
  rpc: ['microservices:pattern'],
  graphql: ['graphql:resolver_type', 'graphql:resolve_property', 'graphql:resolve_reference'],
} as const;

/** What may call a handler: what `ExecutionContext.getType()` answers then. */
export type HandlerKind = keyof typeof MARKS;

const KINDS = Object.keys(MARKS) as HandlerKind[];

/** Whether requests arrive at a method: a route, a message handler or a resolver. */
export function isHandler(method: unknown): method is Handler {
  return kindsOf(method).length > 0;
}

/** A method may be a handler of several kinds: a route and a message handler in one. */
export function kindsOf(method: unknown): HandlerKind[] {
  if (typeof method !== 'function') return [];
  // Asked once, not for each mark: a boot looks at every method of all classes, and most have none.
  const keys: unknown[] = Reflect.getMetadataKeys(method);
  return keys.length === 0 ? [] : KINDS.filter((kind) => MARKS[kind].some((key) => keys.includes(key)));
}

const ROOT_TYPES: unknown[] = ['Query', 'Mutation', 'Subscription'];

/** Whether a handler resolves a field below the root: called once for each parent, not once for an operation. */
export function isFieldResolver(type: Type, method: Handler): boolean {
  if (!kindsOf(method).includes('graphql')) return false;
  const own: unknown = Reflect.getMetadata('graphql:resolver_type', method);
  return !ROOT_TYPES.includes(own ?? Reflect.getMetadata('graphql:resolver_type', type));
}
