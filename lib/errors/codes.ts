/** Every error of this package: what it means, and what to do about it. `docs/errors.md` lists the same codes. */
export const errorCodes = {
  INVALID_RATE: 'A rate is neither a positive number nor a text like "5/s", "100/min", "30/10s".',
  INVALID_CAPACITY: 'A capacity is not an integer of at least 1.',
  INVALID_COST: 'A cost is not an integer of at least 0.',
  COST_ABOVE_CAPACITY: 'A static cost is above the capacity, so the request could never be admitted.',
  RATE_DOES_NOT_FIT: 'Capacity and rate together cannot be counted exactly in integers below 2^53.',
  INVALID_LIMITS: 'The `limits` of a policy answered neither limits nor "unlimited".',
  LIMITS_PROVIDER: 'The class of `limits` is provided by no module, or by several.',
  LIMITS_NEEDED:
    'The limits of a policy depend on the request, and a call without a request did not say them.',
  LIMITS_NOT_FIXED: 'The limits of a policy depend on the request, so they cannot be set for all.',
  INVALID_SKIP: 'A `skip` predicate answered neither true nor false.',
  INVALID_REFUSAL: 'A function of the option `refusal` answered something else than it must.',
  INVALID_OPTION: 'An option has a value of the wrong type or out of its range.',
  UNKNOWN_OPTION: 'An option does not exist.',
  INVALID_NAME:
    'The name of a policy is not 1 to 128 printable ASCII characters without spaces, quotes, colons and braces.',
  POLICY_NEEDS_NAME: 'A policy without a name is used where only a name says which bucket is meant.',
  UNKNOWN_POLICY: 'A name names no policy.',
  POLICY_CONFLICT: 'Two policies with one name differ in their parameters.',
  DUPLICATE_SCOPE: 'Two places would share a bucket by accident, because their names are the same.',
  NAMELESS_CLASS: 'A limited class has no name to derive the name of its buckets from.',
  NOT_A_HANDLER: 'A limit is declared where no request ever arrives.',
  UNKNOWN_HANDLER:
    'A handler is no method of its class, or not one that the application serves, so its limits are not known.',
  MISSING_FOR_ROOT: 'RateLimitModule.forRoot() is not imported, or its factory returned no options.',
  DUPLICATE_FOR_ROOT: 'RateLimitModule.forRoot() is imported more than once.',
  NOT_INITIALIZED: 'An application is asked what it limits before it is initialized.',
  SPOOFABLE_ADDRESS:
    'A limit goes by the address of clients, and every proxy is trusted, so a client can choose it.',
  PROXY_NOT_TRUSTED:
    'A limit goes by the address of clients, and no proxy is trusted, so all clients behind one count as one.',
  NO_USER: 'A policy by user was decided for a request without a user.',
  INVALID_KEY: 'A key resolver did not return a text.',
  NO_HTTP_REQUEST: 'A key resolver that reads an HTTP request was asked where none can be reached.',
  FIELD_RESOLVER_UNGUARDED:
    'A limit stands on a GraphQL field resolver, and the GraphQL module runs no guards or interceptors there.',
  TRANSPORT_PACKAGE_MISSING: 'A package that a limited kind of handlers needs cannot be loaded.',
  IOREDIS_MISSING: 'The option `redis` is set, but the package ioredis is not installed.',
  UNKNOWN_CREDENTIAL: 'An id names no credential of a pool.',
  STORE_UNAVAILABLE: 'The store could not be asked in time, and this call has no answer without it.',
  SHUTTING_DOWN: 'The application was closed while a caller waited for its turn.',
  CLUSTER_SHAPING: 'Shaping leaky buckets with different keys cannot share a start on Redis Cluster.',
  LEASE_CONFLICT: 'A policy has `lease` beside an option that needs the store for each request.',
  LEASE_NO_WAITING: 'A caller was to wait for its turn at a policy with `lease`.',
  CLUSTER_PICK: 'Of buckets with different keys none can be picked on Redis Cluster.',
} as const;

export type RateLimitErrorCode = keyof typeof errorCodes;
