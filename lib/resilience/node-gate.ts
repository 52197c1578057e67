import { attempt } from '../common/awaitable.js';
import type { CallGate, CallTarget } from '../stores/call-gate.js';
import { Breaker } from './breaker.js';
import { Deadlines } from './deadlines.js';
import { isForbidden, isMisuse, isOfOneKey, messageOf } from './failures.js';
import type { StoreHealth } from './store-health.js';
import { NotAskedError, storeUnavailable } from './store-unavailable.js';

export interface NodeGateOptions {
  readonly timeoutMs: number;
  readonly probeMs: number;
  /** Told of failures that concern one key only, and leave the node what it is. */
  readonly onKeyFailure: (key: string, error: unknown) => void;
}

/** Lets calls through to nodes that answer, ends those that take too long, and learns from each. */
export class NodeGate implements CallGate {
  private readonly breakers = new Map<string, Breaker>();
  private readonly deadlines = new Deadlines();
  private readonly stopListeners: (() => void)[] = [];
  private isStopped = false;
  private probe: (key: string) => Promise<unknown> = () => Promise.reject(new Error('nothing to probe yet'));

  constructor(
    private readonly health: StoreHealth,
    private readonly options: NodeGateOptions,
  ) {}

  /** How a node is asked whether it can decide. */
  probeWith(probe: (key: string) => Promise<unknown>): void {
    this.probe = probe;
  }

  /** @throws RateLimitError `STORE_UNAVAILABLE` while a node is not asked */
  check(node: string): void {
    const breaker = this.breakers.get(node);
    if (breaker?.isOpen) throw new NotAskedError(breaker.cause);
  }

  /** @throws RateLimitError `STORE_UNAVAILABLE` while the node is not asked, and when it has not answered until the deadline */
  call<T>(
    to: CallTarget,
    until: number | undefined,
    make: () => Promise<T>,
    onLate?: (value: T) => void,
  ): Promise<T> {
    const breaker = this.breakerOf(to.node);
    if (breaker.isOpen) return Promise.reject(new NotAskedError(breaker.cause));
    const now = performance.now();
    const { timeoutMs } = this.options;
    const end = until ?? now + timeoutMs;
    return new Promise<T>((resolve, reject) => {
      let isAnswered = false;
      const call = {
        until: end,
        place: 0,
        isOver: false,
        giveUp: () => {
          call.isOver = true;
          const reason = `no answer within ${timeoutMs} ms`;
          reject(storeUnavailable(reason));
          // A call that was given less time says nothing of its node yet.
          const shortMs = timeoutMs - (end - now);
          if (shortMs < 1) breaker.open(reason, to.key);
          else setTimeout(() => !isAnswered && breaker.open(reason, to.key), shortMs).unref();
        },
      };
      this.deadlines.add(call);
      attempt(make).then(
        (value) => {
          isAnswered = true;
          if (call.isOver) {
            breaker.recheck();
            return onLate?.(value);
          }
          this.deadlines.remove(call);
          resolve(value);
        },
        (error: unknown) => {
          isAnswered = true;
          if (call.isOver) return;
          this.deadlines.remove(call);
          reject(this.failed(breaker, to, error));
        },
      );
    });
  }

  /** A connection was lost: that is known before any call has waited. */
  lost(node: string, reason: string): void {
    this.breakerOf(node).open(reason);
  }

  /** A connection is ready: what answers now closes the breaker. */
  ready(node: string): void {
    this.breakers.get(node)?.recheck();
  }

  /** Calls a function when the gate is no longer used. */
  onStop(listener: () => void): void {
    this.stopListeners.push(listener);
  }

  stop(): void {
    this.isStopped = true;
    for (const listener of this.stopListeners) listener();
    for (const breaker of this.breakers.values()) breaker.stop();
  }

  private failed(
    breaker: Breaker,
    { key, isDecision = false, isShared = false }: CallTarget,
    error: unknown,
  ): unknown {
    // Decisions need fewer permissions than all else.
    if (!isDecision && isForbidden(error)) return error;
    if (isMisuse(error)) return error;
    if (isOfOneKey(error)) {
      if (!isShared) this.options.onKeyFailure(key, error);
      return error;
    }
    breaker.open(messageOf(error), key);
    return storeUnavailable(messageOf(error), { cause: error });
  }

  private breakerOf(node: string): Breaker {
    const known = this.breakers.get(node);
    if (known !== undefined) return known;
    const breaker = new Breaker({
      timeoutMs: this.options.timeoutMs,
      probeMs: this.options.probeMs,
      probe: (key) => this.probe(key),
      onOpen: (reason) => this.health.opened(node, reason),
      onClose: (openForMs) => this.health.closed(node, openForMs),
    });
    if (this.isStopped) breaker.stop();
    this.breakers.set(node, breaker);
    return breaker;
  }
}
