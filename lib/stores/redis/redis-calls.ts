import { asError } from '../../common/as-error.js';
import { type CallGate, openGate } from '../call-gate.js';
import { LateError } from '../late.error.js';
import { Masters } from './masters.js';
import { NodeClocks } from './node-clocks.js';
import { inOneWrite, type RedisClient, runScript, type Script, type SentCall } from './redis-client.js';
import { type NameOptions, RedisNames } from './redis-names.js';
import { decideScript } from './scripts/generated.js';

export interface RedisCallsOptions extends NameOptions {
  /** What every call passes; without one, the client alone says how long it waits. */
  readonly gate?: CallGate | undefined;
  /** How long a call may take that is given no deadline; without it, as long as the client waits. */
  readonly timeoutMs?: number | undefined;
  /** Whether a master of a Cluster may be asked about several slots with one call; by default it may. */
  readonly crossSlot?: boolean | undefined;
  /** An explicit time in microseconds instead of the server's own: for tests only. */
  readonly clock?: (() => number) | undefined;
}

/** A call of a script. */
export interface ScriptCall {
  readonly script: Script;
  /** As the store is given them. */
  readonly keys: readonly string[];
  /** Behind the time and the deadline. */
  readonly args: readonly string[];
}

/** From the time on the server, in microseconds, to `decidedAt` of a reply. */
export type ToLocal = (now: number) => number;

/** What a call came to. */
export interface Answer {
  readonly reply: unknown;
  readonly toLocal: ToLocal;
}

/** While slots move, the server that was asked for its time may be another than the next that is called. */
const MOST_SAMPLES = 3;

/** Sends the calls of a store, each through its gate. */
export class RedisCalls {
  private readonly gate: CallGate;
  private readonly clocks: NodeClocks;
  /** By node: what asks for its time at the moment. */
  private readonly sampling = new Map<string, Promise<unknown>>();
  private readonly masters: Masters;
  readonly names: RedisNames;

  constructor(
    private readonly client: RedisClient,
    private readonly options: RedisCallsOptions,
  ) {
    this.gate = options.gate ?? openGate;
    this.clocks = new NodeClocks(client);
    this.names = new RedisNames(client, options);
    this.masters = new Masters(client, this.names);
  }

  /** In milliseconds of `performance.now()`: until when a call may take that begins now. */
  until(): number | undefined {
    const { timeoutMs } = this.options;
    return timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  /** Makes a call about a key through the gate. */
  through<T>(key: string, make: () => Promise<T>, until = this.until()): Promise<T> {
    return this.gate.call({ node: this.names.nodeOf(key), key }, until, make);
  }

  /** Makes one that decides. `isShared`: about other keys too. */
  decide<T>(
    key: string,
    isShared: boolean,
    make: () => Promise<T>,
    until: number | undefined,
    onLate: ((value: T) => void) | undefined,
  ): Promise<T> {
    return this.gate.call(
      { node: this.names.nodeOf(key), key, isDecision: true, isShared },
      until,
      make,
      onLate,
    );
  }

  /** Through the gate. Whenever it gets to the server, the script does what it is to do. */
  run(call: ScriptCall): Promise<Answer> {
    return this.through(keyOf(call), () => this.send(call, ''));
  }

  /** Through the gate. A script that gets to the server after its time does nothing. */
  runInTime(call: ScriptCall, until = this.until()): Promise<Answer> {
    return this.through(keyOf(call), () => this.sendInTime(call, until), until);
  }

  /**
   * Past the gate.
   * @throws LateError
   */
  sendInTime(call: ScriptCall, until: number | undefined): Promise<Answer> {
    if (until === undefined) return this.send(call, '');
    const known = this.deadline(keyOf(call), until);
    const first =
      known === undefined
        ? this.findDeadline(keyOf(call), until).then((deadline) => this.send(call, deadline))
        : this.send(call, known);
    return first.catch((error: unknown) => {
      // The server may have read a clock that was set, or have been another. What it told makes the next deadline right.
      if (!(error instanceof LateError) || performance.now() >= until) throw error;
      return this.findDeadline(keyOf(call), until).then((deadline) => this.send(call, deadline));
    });
  }

  /** The client is left as it was given. */
  close(): void {
    this.clocks.close();
  }

  /** Past the gate: several calls at once. Each comes to an answer or an error of its own. */
  sendAllInTime(calls: readonly ScriptCall[], until: number | undefined): Promise<(Answer | Error)[]> {
    return inOneWrite(this.client, () =>
      Promise.all(calls.map((call) => this.sendInTime(call, until).catch(asError))),
    );
  }

  /**
   * Past the gate: how a call about several slots of the master that serves a key is sent to it. Undefined while that is not
   * known to be possible.
   */
  toMaster(key: string, until: number | undefined): ((call: ScriptCall) => Promise<Answer>) | undefined {
    const toMaster = this.options.crossSlot === false ? undefined : this.masters.of(key);
    const deadline = until === undefined ? '' : this.deadline(key, until);
    if (toMaster === undefined || deadline === undefined) return undefined;
    return (call) => this.send(call, deadline, toMaster);
  }

  /** @param deadline in microseconds of the server's clock */
  private send(call: ScriptCall, deadline: string, run = this.byClient): Promise<Answer> {
    const node = this.names.nodeOf(keyOf(call));
    const sent = performance.now();
    return run(this.asSent(call, deadline)).then(
      (reply) => {
        const received = performance.now();
        return { reply, toLocal: (now) => this.toLocal(call, node, now, sent, received) };
      },
      (error: unknown) => {
        const refusedAt = timeOfRefusal(error);
        if (refusedAt === undefined) throw error;
        this.toLocal(call, node, refusedAt, sent, performance.now());
        throw new LateError();
      },
    );
  }

  private readonly byClient = (call: SentCall): Promise<unknown> => runScript(this.client, call);

  private asSent({ script, keys, args }: ScriptCall, deadline: string): SentCall {
    const time = this.options.clock === undefined ? '' : String(this.options.clock());
    return { script, keys: keys.map((key) => this.names.of(key)), args: [time, deadline, ...args] };
  }

  /** Only if it is known which server has answered, its clock is used, and learns from it. */
  private toLocal(call: ScriptCall, node: string, now: number, sent: number, received: number): number {
    const isKnown = this.client.isCluster ? node !== '' && node === this.names.nodeOf(keyOf(call)) : true;
    return isKnown ? this.clocks.of(node).decidedAt(now, sent, received) : received;
  }

  /** On the clock of the server; undefined where that is not known. */
  private deadline(key: string, until: number): string | undefined {
    this.clocks.watch();
    const { clock } = this.options;
    const deadline = clock
      ? Math.floor(clock() + (until - performance.now()) * 1000)
      : this.clocks.of(this.names.nodeOf(key)).timeAt(until);
    return deadline === undefined ? undefined : String(deadline);
  }

  private async findDeadline(key: string, until: number): Promise<string> {
    for (let samples = 0; performance.now() < until; samples++) {
      const deadline = this.deadline(key, until);
      if (deadline !== undefined) return deadline;
      if (samples === MOST_SAMPLES) break;
      await this.sample(key);
    }
    throw new LateError();
  }

  /** Asks the server of a key for its time, once for all who wait for it: a call that decides nothing. */
  private sample(key: string): Promise<unknown> {
    const node = this.names.nodeOf(key);
    let asked = this.sampling.get(node);
    if (asked === undefined) {
      asked = this.askTime(key).finally(() => this.sampling.delete(node));
      this.sampling.set(node, asked);
    }
    return asked;
  }

  private async askTime(key: string): Promise<void> {
    const nothing = { script: decideScript, keys: [this.names.keyBeside(key)], args: ['0', '0', '0'] };
    const { reply, toLocal } = await this.send(nothing, '');
    toLocal(Number((reply as unknown[])[0]));
  }
}

const keyOf = ({ keys }: ScriptCall): string => keys[0] ?? '';

/** The server's time in microseconds, where it has refused a call because that came too late. */
function timeOfRefusal(error: unknown): number | undefined {
  const [, time] = /^LATE (\d+)/.exec(String((error as { message?: unknown }).message)) ?? [];
  return time === undefined ? undefined : Number(time);
}
