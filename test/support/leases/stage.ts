import { algorithms } from '../../../lib/algorithms/index.js';
import type { Take } from '../../../lib/algorithms/kernel.js';
import type { LeaseRequest } from '../../../lib/algorithms/lease.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { LeasedStore } from '../../../lib/leases/leased.store.js';
import { partsOf } from '../../../lib/stores/buckets-by-policy.js';
import { ForwardingStore } from '../../../lib/stores/forwarding.store.js';
import type {
  LeaseState,
  Store,
  Transaction,
  TransactionReply,
} from '../../../lib/stores/store.interface.js';
import { Events } from './events.js';
import { Machine } from './machine.js';
import type { Mutation } from './mutations.js';
import { Server } from './server.js';
import { Spends } from './spends.js';

export const KEY = 'b:{hot}';
const START = Date.UTC(2100, 0) * 1000;
const TIMEOUT_MS = 50;

/** How calls get through, in microseconds. */
export interface Network {
  isLost(): boolean;
  delay(): number;
  /** After how long a call arrives once more; undefined: never. */
  again(call: LeaseRequest | undefined): number | undefined;
}

export interface Process {
  readonly machine: Machine;
  readonly store: LeasedStore;
}

/** A store, processes that spend ahead from one bucket, and what was really spent. */
export class Stage {
  readonly figures = { excess: 0, ahead: 0, refusedAhead: 0, byStore: 0, commands: 0, lost: 0, repeated: 0 };
  readonly events = new Events();
  readonly server: Server;
  readonly spends = new Spends();
  /** Every other take goes the short way first. */
  private takes = 0;
  private readonly byServer = new WeakSet<TransactionReply>();

  constructor(
    readonly mutation: Mutation,
    readonly limits: readonly Limit[],
  ) {
    this.server = new Server(() => START + this.events.now, mutation);
  }

  async run(micros: number): Promise<void> {
    await this.events.runUntil(micros);
    this.figures.excess = this.spends.excess(this.limits);
  }

  /** `drift`: how much faster its clocks run, as a part. `onLease` is told of each request. */
  process(
    drift: number,
    network: Network,
    onLease: (request: LeaseRequest, machine: Machine) => void = () => undefined,
  ): Process {
    const { mutation, events } = this;
    const machine = new Machine(events, drift, 1e6 * drift, mutation !== 'the monotonic clock alone');
    const name = `machine-${Math.round(drift * 1e6)}`.replace('--', '-m');
    const ids = mutation === 'an id is used again after a return' ? { newId: () => name } : {};
    const margins = mutation === 'no margin before the expiry' ? { marginOf: () => 0 } : {};
    const options = { timeoutMs: TIMEOUT_MS, clock: machine.clock, ...ids, ...margins };
    const store = new LeasedStore(this.networkOf(machine, network, onLease), options);
    return { machine, store };
  }

  /** Answers whether it was decided at once. */
  take(store: LeasedStore, cost: number, limit = this.limits[0]!, peek = false): boolean {
    const take = algorithms['token-bucket'](limit, KEY, cost);
    if (!peek && this.takes++ % 2 === 0 && this.takePlainly(store, take)) return true;
    const replies = store.decide([{ takes: [take], peek }]);
    if (!(replies instanceof Promise)) this.count(replies, peek ? 0 : cost);
    else this.go(() => replies.then((later) => this.count(later, peek ? 0 : cost)));
    return !(replies instanceof Promise);
  }

  /** Whether the lease says all, as nearly always. */
  private takePlainly(store: LeasedStore, take: Take): boolean {
    const [policy, key] = partsOf(KEY);
    const level = store.decidePlain({ ...take, policy }, key);
    if (level === undefined) return false;
    this.countHere(level <= take.allowance, take.cost);
    return true;
  }

  /** So many takes of one token; what has to ask the store says little of leases, and a few of it are enough. */
  burst(store: LeasedStore, takes: number): void {
    for (let i = 0, asked = 0; i < takes && asked < 3; i++) if (!this.take(store, 1)) asked++;
  }

  /** Somebody without leases, at the store itself. */
  takeThere(cost: number, limit = this.limits[0]!, waits = false): boolean {
    const { events, spends, server } = this;
    const take = algorithms['token-bucket'](limit, KEY, cost, waits ? {} : undefined);
    const [reply] = server.decide([{ takes: [take] }]) as TransactionReply[];
    if (!reply!.admitted) return false;
    const excess = waits ? Number(reply!.found[0]!.level) - take.startLevel! : 0;
    spends.add(events.now + Math.max(0, Math.ceil(excess / limit.scale.ticksPerMicro)), cost);
    return true;
  }

  takeAllThere(): void {
    while (this.takeThere(1));
  }

  /** Does something that may fail as calls do. */
  go(call: () => unknown): void {
    this.events.touch();
    Promise.resolve(call()).catch(() => undefined);
  }

  private countHere(isAdmitted: boolean, cost: number): void {
    this.figures[isAdmitted ? 'ahead' : 'refusedAhead']++;
    if (isAdmitted) this.spends.add(this.events.now, cost);
  }

  /** What the store has admitted was spent there. */
  private count([reply]: readonly TransactionReply[], cost: number): void {
    if (this.byServer.has(reply!)) return;
    this.countHere(reply!.admitted, cost);
  }

  /** The store as a process reaches it. */
  private networkOf(
    machine: Machine,
    network: Network,
    onLease: (request: LeaseRequest, machine: Machine) => void,
  ): Store {
    const decide = (transactions: readonly Transaction[]) =>
      this.carry(machine, network, undefined, () => this.decideThere(transactions));
    const lease = (key: string, request: LeaseRequest) => {
      onLease(request, machine);
      return this.carry(machine, network, request, () => {
        this.figures.commands++;
        return this.server.lease(key, request) as LeaseState;
      });
    };
    return new (class extends ForwardingStore {
      override readonly decide = decide;
      override readonly lease = lease;
    })(this.server);
  }

  /** What is taken there is spent there: whether its reply arrives or not. */
  private decideThere(transactions: readonly Transaction[]): TransactionReply[] {
    this.figures.commands++;
    const replies = this.server.decide(transactions) as TransactionReply[];
    for (const [i, reply] of replies.entries()) {
      this.byServer.add(reply);
      this.figures.byStore++;
      const { takes, peek } = transactions[i]!;
      if (reply.admitted && !peek) this.spends.add(this.events.now, takes[0]!.cost);
    }
    return replies;
  }

  /** A call may be lost, come late or twice, and so may its reply; the client gives up after a time. */
  private carry<T>(
    machine: Machine,
    network: Network,
    call: LeaseRequest | undefined,
    work: () => T,
  ): Promise<T> {
    const { events, figures } = this;
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => () => {
        events.touch();
        done();
      };
      machine.later(
        TIMEOUT_MS * 1000,
        settle(() => reject(new Error('no reply in time'))),
      );
      const there = () => {
        const value = work();
        if (network.isLost()) figures.lost++;
        else
          machine.later(
            network.delay(),
            settle(() => resolve(value)),
          );
      };
      if (network.isLost()) figures.lost++;
      else events.at(events.now + network.delay(), there);
      const again = network.again(call);
      if (again === undefined) return;
      figures.repeated++;
      events.at(events.now + again, work);
    });
  }
}
