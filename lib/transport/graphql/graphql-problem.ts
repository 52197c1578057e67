const marked = new WeakSet<object>();

/**
 * Stands for the errors of the GraphQL transport where a class is asked for: theirs is `GraphQLError`, of a package that
 * may not be there.
 */
export class GraphqlProblem {
  static mark<E extends Error>(error: E): E {
    marked.add(error);
    return error;
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && marked.has(value);
  }
}
