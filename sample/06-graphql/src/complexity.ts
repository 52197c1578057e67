import type { ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** Above the capacity of any policy here: refused, and never a number that is too large to count with. */
const TOO_MUCH = 1_000_000;

/** What a query costs: the fields that it asks for, times the number of entries that it wants. */
export function complexity(context: ExecutionContext): number {
  const graphql = GqlExecutionContext.create(context);
  const info = graphql.getInfo<GraphQLResolveInfo>();
  const { first } = graphql.getArgs<{ first: number }>();
  const fields = info.fieldNodes.reduce((sum, { selectionSet }) => sum + fieldsIn(selectionSet, info), 0);
  return Math.min(Math.max(1, first) * fields, TOO_MUCH);
}

/** Each fragment is counted once, or a small query of nested fragments would keep the server busy. */
function fieldsIn(
  set: SelectionSetNode | undefined,
  info: GraphQLResolveInfo,
  known = new Map<string, number>(),
): number {
  let fields = 0;
  for (const part of set?.selections ?? []) {
    if (part.kind === Kind.FRAGMENT_SPREAD) {
      const name = part.name.value;
      if (!known.has(name)) known.set(name, fieldsIn(info.fragments[name]?.selectionSet, info, known));
      fields += known.get(name) ?? 0;
    } else fields += (part.kind === Kind.FIELD ? 1 : 0) + fieldsIn(part.selectionSet, info, known);
  }
  return fields;
}
