/** What a taker is told when it starts. */
export interface TakerConfig {
  readonly name: string;
  readonly adapter: 'express' | 'fastify';
  readonly redis: RedisConfig;
  readonly prefix: string;
  /** The file to write to. */
  readonly diary: string;
  readonly seed: number;
  readonly perSecond: number;
  readonly keys: readonly string[];
  /** Whether the time is told to the server, by a clock that steps when the taker is told to. */
  readonly hasClock?: boolean;
  /** As options of the module. */
  readonly storeTimeoutMs: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What `redis` of the module is: something that it opens itself, or a client of the application. */
export type RedisConfig =
  | { readonly kind: 'own'; readonly options: Record<string, unknown> }
  | { readonly kind: 'client'; readonly major: 5 | 6; readonly options: Record<string, unknown> }
  | { readonly kind: 'cluster'; readonly major: 5 | 6; readonly nodes: readonly Address[] };

/** What a taker is told while it runs, and answers when it is done. */
export type Order =
  | { readonly kind: 'start' | 'pause' | 'stop' | 'measure' }
  | ({ readonly kind: 'step' } & ClockStep);

/** A step of the clock that decides: so many microseconds forward, or back, at a time of the clock that all share. */
export interface ClockStep {
  /** In nanoseconds, as text. */
  readonly at: string;
  readonly micros: number;
}

/** The answer to `measure`. */
export interface Measurement {
  readonly heapBytes: number;
  readonly handles: number;
}
