import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import type { RedisClient } from './redis-client.js';

/** A client that this package has opened, and closes. */
export interface OwnClient {
  readonly client: RedisClient;
  close(): Promise<void>;
}

interface Closable extends RedisClient {
  readonly status: string;
  quit(): Promise<unknown>;
  disconnect(): void;
  on(event: 'error' | 'ready', listener: (error?: NodeJS.ErrnoException) => void): unknown;
}

type RedisConstructor = new (...to: [string, object] | [object]) => Closable;

/** The longest wait between two attempts to connect: by default it grows to seconds, with the length of an outage. */
const LONGEST_RETRY_MS = 500;

/** How long a shutdown waits for the last replies. */
const QUIT_MS = 1000;

/** What a client is opened with, unless its options say otherwise. */
const DEFAULTS = {
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_MS),
  connectTimeout: 2000,
  // A connection whose other end has gone without a word would else be waited for until the kernel gives it up.
  socketTimeout: 2000,
  // A timer of the client that outlives a connection which is gone already, and keeps the process from ending.
  disconnectTimeout: 500,
};

/**
 * Opens a client to a URL, or with options of ioredis.
 * @throws RateLimitError `IOREDIS_MISSING`
 */
export async function connect(to: string | object, onTrouble: (message: string) => void): Promise<OwnClient> {
  const Redis = await loadIoredis();
  const client = typeof to === 'string' ? new Redis(to, DEFAULTS) : new Redis({ ...DEFAULTS, ...to });
  reportTrouble(client, onTrouble);
  return { client, close: () => close(client) };
}

async function loadIoredis(): Promise<RedisConstructor> {
  try {
    return (await import('ioredis')).Redis as unknown as RedisConstructor;
  } catch (cause) {
    throw new RateLimitError(
      'IOREDIS_MISSING',
      'RateLimitModule.forRoot: redis is set, but the package ioredis cannot be loaded; run npm install ioredis',
      { cause },
    );
  }
}

/** ioredis repeats an error with every attempt to reconnect; each is told once until the connection is back. */
function reportTrouble(client: Closable, onTrouble: (message: string) => void): void {
  let told: string | undefined;
  client.on('error', (error) => {
    // Where a name has several addresses the error is of them all, and has no message of its own.
    const message = error?.message || error?.code || 'unknown error';
    if (message !== told) onTrouble(message);
    told = message;
  });
  client.on('ready', () => {
    told = undefined;
  });
}

async function close(client: Closable): Promise<void> {
  // QUIT waits for replies: from a server that is frozen, for ever.
  if (client.status === 'ready') {
    const quit = client.quit().catch(() => undefined);
    await Promise.race([quit, sleep(QUIT_MS, undefined, { ref: false })]);
  }
  client.disconnect();
}
