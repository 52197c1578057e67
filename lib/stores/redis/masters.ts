import { createHash } from 'node:crypto';
import slotOf from 'cluster-key-slot';
import { asError } from '../../common/as-error.js';
import { LOOK_AT_TWO } from './bucket-sorts.js';
import type { Connection, RedisClient, Script, SentCall } from './redis-client.js';
import type { RedisNames } from './redis-names.js';
import { takeScript } from './scripts/generated.js';

/** After a call that a master could not decide, slots that are moving have mostly come to rest. */
const REST_MS = 1000;

/** After this time a master is tried again that had no other beside it, or let a script have what it does not serve. */
const LOOK_AGAIN_MS = 30_000;

/** How many tags are tried to find a slot that another master serves. */
const MOST_TRIES = 1000;

/** How a server says that a script has asked for a key which it does not serve. */
const REFUSAL = /non local key|slot not served/;

/** Of a connection: whether its server refuses keys of others, and from when on it is asked, in milliseconds of `performance.now()`. */
interface Trust {
  refusesOthers: boolean;
  from: number;
}

/** Sends a call to one master, whatever slots its keys have. */
export type SendToMaster = (call: SentCall) => Promise<unknown>;

/**
 * The masters of a Cluster, each asked with one call of `take.lua` about many of its slots. Of these the call names one as its
 * key, and has the others among its arguments. Where they are is then checked by the master itself, at each command of
 * the script, which reads everything before it writes. A call of which one key is not there fails as a whole and changes nothing.
 *
 * Only a master that has been seen to check is asked so, and past the client, which would follow a redirection of the one
 * slot that it sees with all others.
 */
export class Masters {
  /** By what a connection writes to: each time that it is made it is another. */
  private readonly trust = new WeakMap<object, Trust>();

  constructor(
    private readonly client: RedisClient,
    private readonly names: RedisNames,
  ) {}

  /** What serves a key, if that can be asked about several slots now. */
  of(key: string): SendToMaster | undefined {
    // Gathered commands would be overtaken.
    if (!this.client.isCluster || this.client.options?.enableAutoPipelining) return undefined;
    const node = this.names.nodeOf(key);
    const connection = this.connectionTo(node);
    const stream = connection?.stream;
    if (!connection || !stream) return undefined;
    const trust = this.trustIn(stream);
    if (performance.now() < trust.from) return undefined;
    if (trust.refusesOthers) return (call) => this.send(connection, trust, call);
    trust.from = performance.now() + LOOK_AGAIN_MS;
    void this.tryOut(connection, trust, node, key);
    return undefined;
  }

  private connectionTo(node: string): Connection | undefined {
    return this.client
      .nodes?.('all')
      .find(
        ({ status, options }) =>
          status === 'ready' && `${options.host}:${options.port}` === node && !options.keyPrefix,
      );
  }

  private trustIn(stream: object): Trust {
    let trust = this.trust.get(stream);
    if (trust === undefined) {
      trust = { refusesOthers: false, from: 0 };
      this.trust.set(stream, trust);
    }
    return trust;
  }

  private async send(
    connection: Connection,
    trust: Trust,
    { script, keys, args }: SentCall,
  ): Promise<unknown> {
    const [first, ...others] = keys.map((key) => this.names.withClientPrefix(key));
    try {
      return await connection.evalsha(shaOf(script), 1, first as string, ...args, ...others);
    } catch (error) {
      if (!isLate(error)) {
        trust.refusesOthers = false;
        trust.from = performance.now() + REST_MS;
      }
      throw error;
    }
  }

  /** Asks for what the master does not serve. Where that is refused, the server knows the script from then on as well. */
  private async tryOut(connection: Connection, trust: Trust, node: string, key: string): Promise<void> {
    const other = this.keyElsewhere(node);
    if (other === undefined) return;
    const own = this.names.fullName(this.names.keyBeside(key));
    try {
      await connection.eval(takeScript.lua, 1, own, '', '', ...LOOK_AT_TWO, other);
    } catch (error) {
      trust.refusesOthers = REFUSAL.test(asError(error).message);
      trust.from = performance.now() + (trust.refusesOthers ? 0 : REST_MS);
    }
  }

  /** Undefined where no other master is found. */
  private keyElsewhere(node: string): string | undefined {
    for (let tag = 0; tag < MOST_TRIES; tag++) {
      const name = this.names.ofProbe(`{${tag}}`);
      const [master = node] = this.client.slots?.[slotOf(name)] ?? [];
      if (master !== node) return name;
    }
    return undefined;
  }
}

const isLate = (error: unknown): boolean => asError(error).message.startsWith('LATE ');

const hashes = new WeakMap<Script, string>();

function shaOf(script: Script): string {
  let hash = hashes.get(script);
  if (hash === undefined) {
    hash = createHash('sha1').update(script.lua).digest('hex');
    hashes.set(script, hash);
  }
  return hash;
}
