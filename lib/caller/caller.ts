import type { Connection } from './connection.js';

/** Who stands behind a request, a message or an operation. What cannot be known there is undefined. */
export interface Caller {
  /** The address as the framework sees it; empty where the connection has none (any more). */
  readonly ip: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** The parameters of a route. */
  readonly params: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** What authentication has found out. */
  readonly user: unknown;
  /** What tells when the caller leaves. */
  readonly connection: Connection | undefined;
}
