/** The options after they were checked and completed. */
export const PARSED_OPTIONS = Symbol.for('nestjs-floodgate.parsed-options');
/** Where the buckets live. */
export const RATE_LIMIT_STORE = Symbol.for('nestjs-floodgate.store');
/** The clock of the memory store, for tests that move it. */
export const RATE_LIMIT_CLOCK = Symbol.for('nestjs-floodgate.clock');
