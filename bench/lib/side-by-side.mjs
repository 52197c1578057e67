// Subjects side by side: each in a process of its own with servers of its own, measured in turns.
import { Child } from './child.mjs';
import { startCluster } from './cluster.mjs';
import { startRedis } from './redis.mjs';
import { inTurns } from './turns.mjs';

/** Calls to find out how many fill a turn. */
const LOOK = 20_000;

/** For how long, in milliseconds, V8 learns the code before the first turn. */
const WARM_UP_MS = 1500;

/** The part of a turn that is not measured, at its begin. */
const RUN_IN = 4;

/**
 * @typedef {object} Contender
 * @property {string} title unique in its row
 * @property {string} module of `subjects/`
 * @property {string} name what that exports
 * @property {object} [setup] beside the addresses of the servers
 * @property {'one' | 'cluster' | 'none'} [servers] by default one
 *
 * @template R
 * @param {readonly Contender[]} contenders
 * @param {(open: Map<string, Open>) => Promise<R>} action
 * @returns {Promise<R>}
 */
export async function withContenders(contenders, action) {
  const open = new Map();
  try {
    for (const contender of contenders) open.set(contender.title, await Open.start(contender));
    return await action(open);
  } finally {
    for (const each of open.values()) await each.stop();
  }
}

/** A contender that runs. */
class Open {
  /** Of which load (`inFlight`) how many calls fill a turn. */
  #counts = new Map();

  static async start({ title, module, name, setup = {}, servers: kind = 'one' }) {
    const servers = await startServers(kind);
    const urls = servers.map(({ url }) => url);
    try {
      const child = await Child.start(module, name, { ...setup, urls, cluster: kind === 'cluster' });
      return new Open(title, servers, child);
    } catch (error) {
      for (const server of servers) await server.stop();
      throw error;
    }
  }

  constructor(title, servers, child) {
    this.title = title;
    this.servers = servers;
    this.child = child;
  }

  /** One turn of about so many milliseconds, with so many calls in flight. */
  async turn(inFlight, ms, breathe) {
    const count = await this.count(inFlight, ms, breathe);
    // Others have had their turns since: what they have put out of the caches comes back before it is measured.
    await this.child.ask('closedLoop', { inFlight, breathe, count: Math.ceil(count / RUN_IN) });
    return this.child.ask('closedLoop', { inFlight, breathe, count });
  }

  /** How many calls make a turn: found out once, with calls that also warm up. */
  async count(inFlight, ms, breathe) {
    if (!this.#counts.has(inFlight))
      this.#counts.set(inFlight, await this.#countFor({ inFlight, breathe }, ms));
    return this.#counts.get(inFlight);
  }

  async #countFor(load, ms) {
    await this.child.ask('closedLoop', { ...load, count: LOOK });
    const { perSecond } = await this.child.ask('closedLoop', { ...load, count: LOOK });
    const countFor = (time) => Math.max(1000, Math.round((perSecond * time) / 1000));
    await this.child.ask('closedLoop', { ...load, count: countFor(WARM_UP_MS) });
    return countFor(ms);
  }

  async stop() {
    await this.child.stop();
    for (const server of this.servers) await server.stop();
  }
}

async function startServers(kind) {
  if (kind === 'none') return [];
  return kind === 'cluster' ? startCluster() : [await startRedis()];
}

/**
 * All of them in turns, with so many calls in flight.
 * @param {Map<string, Open>} open
 * @param {number} inFlight
 * @param {import('./turns.mjs').Effort} effort
 * @returns {Promise<Map<string, object[]>>} what `closedLoop` tells of each turn, by title
 */
export async function loadInTurns(open, inFlight, effort) {
  const about = { ...effort, progress: (text) => effort.progress(`${inFlight} in flight, ${text}`) };
  const results = await inTurns([...open.values()], about, (each) => each.turn(inFlight, effort.ms));
  return new Map([...results].map(([{ title }, turns]) => [title, turns]));
}
