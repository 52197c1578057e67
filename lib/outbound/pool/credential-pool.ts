import { Logger } from '@nestjs/common';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import { checkFunction, checkKnownOptions, checkObject } from '../../common/checks.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import { show } from '../../errors/show.js';
import type { Decision } from '../../limiter/decision.js';
import type { PickDecision } from '../../limiter/pick.js';
import type { RateLimiterService } from '../../limiter/rate-limiter.service.js';
import type { BlockOptions } from '../../limiter/service-options.js';
import type { SyncReport } from '../../limiter/sync-report.js';
import type { ProviderReport, ProviderResponse } from '../reports/provider-report.js';
import { type CredentialPoolOptions, type PooledCredential, parsePool } from './pool-options.js';
import { responseIn } from './response-in.js';

/** How long a response waits for what is learned from it. The call of the store is on its way by then. */
const LEARNING_MS = 250;

/** A credential that was taken, to be used once. */
export interface TakenCredential<T> {
  readonly id: string;
  readonly value: T;
  /** Of its bucket: what is left of it. */
  readonly decision: Decision;
}

/** What `consume` answers. */
export interface CredentialDecision<T> {
  readonly allowed: boolean;
  /** Undefined where none is available. */
  readonly credential: TakenCredential<T> | undefined;
  /** Milliseconds until one is available: 0 where one was taken, null where all are quarantined, or never admit so much. */
  readonly retryAfterMs: number | null;
  /** One for each credential, in the order of the options. */
  readonly decisions: readonly Decision[];
}

export interface CredentialStatus {
  readonly id: string;
  readonly isQuarantined: boolean;
  /** What a request of cost 1 would be told. */
  readonly decision: Decision;
}

export interface TakeOptions {
  /** Tokens that the request takes: an integer of at least 0, by default 1. */
  cost?: number;
}

export interface AcquireCredentialOptions extends TakeOptions {
  /** Refuse at once what would wait longer: whole milliseconds; by default the time to fill the whole bucket. */
  maxWaitMs?: number;
  /** Ends the wait when it is aborted. */
  signal?: AbortSignal;
}

/**
 * Several credentials for one provider, each with a limit of its own, shared by all instances. Each request takes the one
 * with the most tokens left, in one round trip. Made once: `new CredentialPool(limiter, { name, policy, credentials })`.
 */
export class CredentialPool<T> {
  private readonly name: string;
  private readonly credentials: readonly PooledCredential<T>[];
  private readonly read: NonNullable<CredentialPoolOptions<T>['read']>;
  private readonly isRevoked: (response: ProviderResponse) => boolean;
  private readonly maxBlockMs: number;
  private readonly isSticky: boolean;
  /** The place of the credential that was taken last, if that matters. */
  private current: number | undefined;

  /** @throws RateLimitError for invalid options */
  constructor(
    private readonly limiter: RateLimiterService,
    options: CredentialPoolOptions<T>,
  ) {
    const { name, credentials, sticky, read, maxBlockMs, isRevoked } = parsePool(options);
    this.name = name;
    this.credentials = credentials;
    this.isSticky = sticky;
    this.read = read;
    this.maxBlockMs = maxBlockMs;
    this.isRevoked = isRevoked;
  }

  /** Takes a credential, or says how long to wait. */
  async consume(options: TakeOptions = {}): Promise<CredentialDecision<T>> {
    checkTake(options, ['cost'], 'CredentialPool.consume');
    const picked = await this.limiter.consumeAny(this.requests(options), { prefer: this.current });
    const { allowed, decision, decisions } = picked;
    const credential = allowed ? this.taken(picked) : undefined;
    return { allowed, credential, retryAfterMs: decision.retryAfterMs, decisions };
  }

  /**
   * Takes a credential, and waits for the one that is available first. Who waits where the credential is quarantined
   * meanwhile gets another.
   * @throws RateLimitExceededError where the wait would be too long, or all are quarantined
   * @throws the reason of the signal, and RateLimitError `SHUTTING_DOWN`
   */
  async acquire(options: AcquireCredentialOptions = {}): Promise<TakenCredential<T>> {
    checkTake(options, ['cost', 'maxWaitMs', 'signal'], 'CredentialPool.acquire');
    const { maxWaitMs, signal } = options;
    const waiting = { prefer: this.current, maxWaitMs, signal };
    return this.taken(await this.limiter.acquireAny(this.requests(options), waiting));
  }

  /**
   * Calls a function with a credential when its turn has come, and learns from what it answers or throws: from a response
   * of fetch or axios, whatever the reader of the options finds in it; one that says 401 quarantines the credential. Of an
   * Observable, as those of `@nestjs/axios`, the last value is the answer.
   * @throws what `acquire` and the function throw
   */
  async run<R>(
    task: (credential: TakenCredential<T>) => R | Promise<R> | Observable<R>,
    options: AcquireCredentialOptions = {},
  ): Promise<R> {
    checkFunction(task, 'CredentialPool.run: task', '({ value }) => fetch(url, …)');
    const credential = await this.acquire(options);
    try {
      const answer = task(credential);
      const result = await (isObservable(answer) ? lastValueFrom(answer) : answer);
      await this.learn(credential, result);
      return result;
    } catch (error) {
      await this.learn(credential, error);
      throw error;
    }
  }

  /**
   * Notes what the provider has said of a credential: see `RateLimiterService.sync`.
   * @returns how its bucket is found afterwards
   */
  async sync(credential: TakenCredential<T>, report: Omit<SyncReport, 'decision'>): Promise<Decision> {
    checkObject(credential, 'CredentialPool.sync: credential', 'what consume or acquire has answered');
    checkObject(report, 'CredentialPool.sync', '{ remaining: 10 }');
    const { id, decision } = credential;
    return this.limiter.sync(this.find(id, 'sync').policy, this.name, { ...report, decision });
  }

  /** Takes a credential out of use, for all instances: for a time, or until it is restored. */
  async quarantine(id: string, options: BlockOptions = {}): Promise<void> {
    await this.limiter.block(this.find(id, 'quarantine').policy, this.name, options);
  }

  /**
   * Puts a credential to use again, for all instances.
   * @returns whether it was out of use, by a quarantine or by a wait that the provider had asked for
   */
  async restore(id: string): Promise<boolean> {
    return this.limiter.unblock(this.find(id, 'restore').policy, this.name);
  }

  /** How each credential stands, in the order of the options. */
  status(): Promise<CredentialStatus[]> {
    return Promise.all(
      this.credentials.map(async ({ id, policy }) => {
        const decision = await this.limiter.peek(policy, this.name, { cost: 1 });
        return { id, isQuarantined: decision.retryAfterMs === null, decision };
      }),
    );
  }

  private requests({ cost }: TakeOptions) {
    return this.credentials.map(({ policy }) => ({ policy, key: this.name, cost }));
  }

  private taken({ picked, decision }: PickDecision): TakenCredential<T> {
    const { id, value } = this.credentials[picked as number] as PooledCredential<T>;
    if (this.isSticky) this.current = picked;
    return { id, value, decision };
  }

  /** Never throws, and waits for no slow store: what the provider has answered must reach the caller. */
  private learn(credential: TakenCredential<T>, result: unknown): Promise<void> {
    return atMost(LEARNING_MS, this.learnAll(credential, result));
  }

  private async learnAll(credential: TakenCredential<T>, result: unknown): Promise<void> {
    // One by one: a reader that fails must not leave a credential in use that is no good.
    await this.attempt(async () => {
      const response = responseIn(result);
      if (response !== undefined && this.isRevoked(response)) await this.quarantine(credential.id);
    });
    await this.attempt(async () => {
      const response = responseIn(result);
      const report = response && this.read(response);
      if (report !== undefined) await this.sync(credential, this.believable(report));
    });
  }

  private believable(report: ProviderReport): ProviderReport {
    const { retryAfterMs } = report;
    return retryAfterMs === undefined
      ? report
      : { ...report, retryAfterMs: Math.min(retryAfterMs, this.maxBlockMs) };
  }

  private async attempt(learn: () => Promise<void>): Promise<void> {
    try {
      await learn();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      new Logger('CredentialPool').error(`${this.name}: nothing was learned from a response: ${message}`);
    }
  }

  private find(id: string, method: string): PooledCredential<T> {
    const found = this.credentials.find((credential) => credential.id === id);
    if (found !== undefined) return found;
    const known = this.credentials.map((credential) => `'${credential.id}'`).join(', ');
    // No message shows a token.
    const isValue = this.credentials.some(({ value }) => value === (id as unknown));
    const shown = isValue ? 'the value of a credential' : show(id);
    throw new RateLimitError(
      'UNKNOWN_CREDENTIAL',
      `CredentialPool.${method}: ${shown} is none of '${this.name}'; write an id, one of ${known}`,
    );
  }
}

function checkTake(options: object, known: readonly string[], place: string): void {
  checkObject(options, place, '{ cost: 2 }');
  checkKnownOptions(options, known, place);
}

/** Goes on when a promise has ended, or after so many milliseconds. */
async function atMost(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
