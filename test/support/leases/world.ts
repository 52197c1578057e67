import type { LeaseRequest } from '../../../lib/algorithms/lease.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { Random } from '../oracle/scenario.js';
import type { Machine } from './machine.js';
import type { Mutation } from './mutations.js';
import { KEY, type Network, type Process, Stage } from './stage.js';

const SECOND = 1_000_000;

const chaosOf = () => ({ crashes: 0, suspensions: 0, cutOff: 0, returned: 0 });

/** A few processes that spend from one bucket, on machines and on a network where all goes wrong that may. */
export class World extends Stage {
  readonly chaos = chaosOf();
  private readonly random: Random;
  /** How many calls in a hundred are lost, and how late the others come, in microseconds. */
  private readonly network: { readonly lost: number; readonly latest: number };
  /** How long it is quiet at most between two requests of a process, and of a stranger, in microseconds. */
  private readonly quiet: { readonly process: number; readonly stranger: number };

  constructor(seed: number, mutation: Mutation) {
    const random = new Random(seed);
    super(mutation, limitsFor(random));
    this.random = random;
    this.network = { lost: random.pick([0, 2, 20, 50]), latest: random.pick([500, 5000, 100_000, SECOND]) };
    this.quiet = { process: random.pick([20_000, 200_000]), stranger: random.pick([20_000, 400_000]) };
  }

  override async run(micros: number): Promise<void> {
    for (let i = this.random.pick([1, 2, 3, 5]); i > 0; i--) this.startProcess();
    if (this.random.chance(0.5)) this.startStranger();
    await super.run(micros);
  }

  private startProcess(): void {
    const { random, network } = this;
    const drift = random.pick([-0.019, 0.019, (random.unit() - 0.5) / 30]);
    let process: Process | undefined;
    const isCutOff = () => this.events.now < (process?.machine.cutOffUntil ?? 0);
    const line: Network = {
      isLost: () => random.below(100) < network.lost || isCutOff(),
      delay: () => 50 + random.below(random.chance(0.8) ? 500 : network.latest),
      again: () => (random.below(100) < network.lost / 4 + 1 ? 50 + random.below(SECOND) : undefined),
    };
    const onLease = (request: LeaseRequest, { clock }: Machine) => {
      if (request.returns) this.chaos.returned++;
      // What is spent at the very end is what the margin is for.
      const end = clock.now() + request.ttlMicros / 1000 - random.below(15);
      if (random.chance(0.3)) clock.at(end, () => this.spendMuch(process!));
    };
    process = this.process(drift, line, onLease);
    this.live(process);
  }

  /** Takes in bursts and one by one, and now and then a crash, a suspended machine, a broken line, a return. */
  private live(process: Process): void {
    const { random, chaos, events } = this;
    const { machine, store } = process;
    const roll = random.unit();
    if (roll < 0.005) {
      machine.isDead = true;
      chaos.crashes++;
      events.at(events.now + random.below(SECOND), () => this.startProcess());
      return;
    }
    if (roll < 0.01) {
      chaos.suspensions++;
      machine.suspend(random.below(2 * SECOND));
      // The first thing that happens when it wakes.
      machine.later(0, () => this.spendMuch(process));
    } else if (roll < 0.02) {
      chaos.cutOff++;
      machine.cutOffUntil = events.now + random.below(2 * SECOND);
    } else if (roll < 0.03) this.go(() => store.report(KEY, nothingSaid(this.limits[0]!)));
    if (random.chance(0.1)) this.spendMuch(process);
    else this.spendLittle(process);
    const next = random.pick([100, 2000, random.below(20_000), random.below(this.quiet.process)]);
    machine.later(next, () => this.live(process));
  }

  private spendMuch({ store }: Process): void {
    this.burst(store, this.random.below(2 * this.limits[0]!.capacity));
  }

  private spendLittle({ store }: Process): void {
    const { random } = this;
    const limit = random.chance(0.98) ? this.limits[0]! : random.pick(this.limits);
    this.take(store, random.pick([0, 1, 1, 1, 2, 5]), limit, random.chance(0.02));
  }

  /** Asks the store itself, as other services do. While the rate stays as it is, it waits for a turn now and then. */
  private startStranger(): void {
    const { random, events, limits, quiet } = this;
    if (random.chance(0.2)) this.takeAllThere();
    else this.takeThere(1, random.pick(limits), limits.length === 1 && random.chance(0.1));
    events.at(events.now + random.below(quiet.stranger), () => this.startStranger());
  }
}

/** One limit, or two between which the processes go to and fro. */
function limitsFor(random: Random): Limit[] {
  const [capacity, perSecond] = [random.pick([5, 20, 100]), random.pick([20, 100, 500])];
  const ttlMs = random.pick([100, 500, 1000]);
  const lease = random.chance(0.5) ? { ttlMs, perSecond: 20 } : { ttlMs, perSecond: 20, tokens: capacity };
  const make = (tokens: number, rate: number) => tokenBucket({ capacity: tokens, rate, lease }).limit!;
  const usual = make(capacity, perSecond);
  if (random.chance(0.7)) return [usual];
  return [usual, make(random.pick([capacity, Math.ceil(capacity / 2), capacity * 2]), perSecond * 3 + 1)];
}

const nothingSaid = ({ scale }: Limit) =>
  ({ scale, missing: undefined, mark: undefined, lowers: true, block: 0 }) as const;
