import type { ChildProcess } from 'node:child_process';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CredentialPool, RateLimiterService, readXRateLimit, tokenBucket } from 'nestjs-floodgate';
import { startProvider } from './start-provider.js';
import { tokens } from './tokens.js';

/** After so many, a page is hardly later than any that follows. */
const WARM_UP_ROUNDS = 20;

@Injectable()
export class ProviderClient implements OnModuleInit, OnApplicationShutdown {
  url = process.env.PROVIDER_URL;
  readonly pool: CredentialPool<string>;
  private child?: ChildProcess;

  constructor(limiter: RateLimiterService) {
    this.pool = new CredentialPool(limiter, {
      name: 'provider',
      credentials: tokens,
      // Of each token. The provider grants 40 at once; six are kept back for requests that are late: see README.md.
      policy: tokenBucket({ capacity: 34, rate: 20 }),
      // Nobody else uses these tokens, so our own count is the better one. What counts is a refusal.
      read: (response) => (response.status === 200 ? undefined : readXRateLimit(response)),
    });
  }

  async onModuleInit(): Promise<void> {
    if (!this.url) ({ url: this.url, child: this.child } = await startProvider());
    // The boot fails when nobody is there.
    await this.stats();
  }

  /**
   * Asks for so much at a time, for nothing that counts. The first calls of a process load code and open connections, and a
   * page that paid for that would arrive long after its turn.
   */
  async warmUp(atOnce: number): Promise<void> {
    const ask = () => Promise.all([this.pool.consume({ cost: 0 }), this.stats()]);
    for (let round = 0; round < WARM_UP_ROUNDS; round++)
      await Promise.all(Array.from({ length: atOnce }, ask));
  }

  onApplicationShutdown(): void {
    this.child?.kill();
  }

  /** A page, when its turn has come. */
  async page(number: number, signal: AbortSignal): Promise<object> {
    for (;;) {
      const asked = Date.now();
      const response = await this.pool.run(
        ({ value, decision }) => {
          // Its turn came no earlier than this. Who takes a place again, because a token is out of use, came later.
          const turn = asked + decision.delayMs;
          const headers = { Authorization: `Bearer ${value}`, 'X-Request-Start': String(turn) };
          return fetch(`${this.url}/pages/${number}`, { headers, signal });
        },
        { maxWaitMs: 60_000, signal },
      );
      const body = (await response.json()) as object;
      if (response.ok) return body;
      // The pool has learned from the refusal: the next attempt waits as long as it must, or has another token.
      if (response.status !== 401 && response.status !== 429)
        throw new Error(`${response.status} for page ${number}`);
    }
  }

  private async stats(): Promise<void> {
    await (await fetch(`${this.url}/stats`)).json();
  }
}
