import slotOf from 'cluster-key-slot';
import { type CallGate, openGate } from '../call-gate.js';
import type { ToLocal } from './decide-call.js';
import { type RedisClient, runScript, type Script } from './redis-client.js';
import { ServerClock } from './server-clock.js';

export interface RedisCallsOptions {
  /** What every key begins with. */
  readonly prefix: string;
  /** What every call passes; without one, the client alone says how long it waits. */
  readonly gate?: CallGate | undefined;
  /** How long a call may take that is given no deadline; without it, as long as the client waits. */
  readonly timeoutMs?: number | undefined;
}

/** A call of a script. */
export interface ScriptCall {
  readonly script: Script;
  /** As the store is given them. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** What a call came to, with what turns the server's time in it into `decidedAt`. */
export interface Answer {
  readonly reply: unknown;
  readonly toLocal: ToLocal;
}

/** Sends the calls of a store, each through its gate. */
export class RedisCalls {
  private readonly gate: CallGate;
  private readonly serverClock = new ServerClock();

  constructor(
    readonly client: RedisClient,
    private readonly options: RedisCallsOptions,
  ) {
    this.gate = options.gate ?? openGate;
  }

  /** What a key is called on the server. */
  name(key: string): string {
    return `${this.options.prefix}:${key}`;
  }

  /** In milliseconds of `performance.now()`: until when a call may take that begins now. */
  until(): number | undefined {
    const { timeoutMs } = this.options;
    return timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  async run(call: ScriptCall): Promise<unknown> {
    return (await this.through(call.keys[0] ?? '', () => this.send(call))).reply;
  }

  /** Makes a call about a key through the gate. */
  through<T>(
    key: string,
    make: () => Promise<T>,
    until = this.until(),
    onLate?: (value: T) => void,
  ): Promise<T> {
    return this.gate.call({ node: this.nodeOf(key), key }, until, make, onLate);
  }

  /** Runs a script, past the gate. */
  async send({ script, keys, args }: ScriptCall): Promise<Answer> {
    const names = keys.map((key) => this.name(key));
    const sent = performance.now();
    const reply = await runScript(this.client, script, names, args);
    const received = performance.now();
    // The masters of a cluster have clocks of their own, and who of them has answered is not known here.
    const toLocal = (now: number) =>
      this.client.isCluster ? received : this.serverClock.decidedAt(now, sent, received);
    return { reply, toLocal };
  }

  /** A key of no bucket (their names end with the brace), in the slot of a key. */
  keyBeside(key: string): string {
    return `${key.slice(key.indexOf('{'), key.indexOf('}') + 1) || `{${this.fullName(key)}}`}:probe`;
  }

  private nodeOf(key: string): string {
    const { isCluster, slots } = this.client;
    return (isCluster && slots?.[slotOf(this.fullName(key))]?.[0]) || '';
  }

  /** With what the client itself puts before it. */
  private fullName(key: string): string {
    return `${this.client.options?.keyPrefix ?? ''}${this.name(key)}`;
  }
}
