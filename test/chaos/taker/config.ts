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
export type Order = 'start' | 'pause' | 'stop' | 'measure';

/** The answer to `measure`. */
export interface Measurement {
  readonly heapBytes: number;
  readonly handles: number;
}
