import { tokenBucket } from '../../../lib/options/make-policy.js';
import { Random } from '../oracle/scenario.js';
import type { Mutation } from './mutations.js';
import { KEY, type Network, type Process, Stage } from './stage.js';

const SECOND = 1_000_000;
const [CAPACITY, RATE, TTL_MS] = [100, 2000, 1000];
const limit = tokenBucket({
  capacity: CAPACITY,
  rate: RATE,
  lease: { ttlMs: TTL_MS, perSecond: 20, tokens: CAPACITY },
}).limit!;

/** A story in which one thing goes wrong, at a moment that is drawn: what the mutation of its name cannot bear. */
type Story = (stage: Stage, random: Random) => void;

interface Line extends Network {
  isDown: boolean;
  /** After how long a return arrives once more, in microseconds. */
  returnsAgainAfter: number | undefined;
}

const lineOf = (): Line => ({
  isDown: false,
  returnsAgainAfter: undefined,
  isLost() {
    return this.isDown;
  },
  delay: () => 200,
  again(call) {
    return call?.returns ? this.returnsAgainAfter : undefined;
  },
});

/** So many takes at once that the process takes tokens ahead, and has nearly all of them left. */
function warmUp(stage: Stage, { store }: Process): void {
  for (let i = 0; i < 8; i++) stage.take(store, 1);
}

/** A process whose clocks are as slow as they may be, with tokens taken ahead, and no line to the store from then on. */
function cutOff(stage: Stage): Process & { readonly line: Line; readonly expires: number } {
  const line = lineOf();
  let expires = 0;
  const process = stage.process(-0.0199, line, () => {
    // By the store's clock, to which the call is still on its way.
    expires = stage.events.now + line.delay() + TTL_MS * 1000;
  });
  warmUp(stage, process);
  stage.events.at(5000, () => {
    line.isDown = true;
  });
  return {
    ...process,
    line,
    get expires() {
      return expires;
    },
  };
}

/** Spends what is left of the lease then, and at once all that the store gives to others. */
function spendAt(stage: Stage, { store }: Process, time: number): void {
  stage.events.at(time, () => {
    stage.burst(store, CAPACITY);
    stage.takeAllThere();
  });
}

export const STORIES: Readonly<Record<Exclude<Mutation, 'none'>, Story>> = {
  'an id is used again after a return': (stage, random) => {
    const line = lineOf();
    const process = stage.process(0, line);
    warmUp(stage, process);
    const { scale } = limit;
    stage.events.at(5000, () => {
      line.returnsAgainAfter = 20_000 + random.below(100_000);
      const nothing = { scale, missing: undefined, mark: undefined, lowers: true, block: 0 };
      stage.go(() => process.store.report(KEY, nothing));
    });
    stage.events.at(10_000, () => warmUp(stage, process));
    stage.events.at(300_000, () => {
      stage.takeAllThere();
      stage.burst(process.store, CAPACITY);
    });
  },
  'no margin before the expiry': (stage, random) => {
    const process = cutOff(stage);
    stage.events.at(6000, () => spendAt(stage, process, process.expires + random.below(19_000)));
  },
  'the monotonic clock alone': (stage, random) => {
    const process = cutOff(stage);
    stage.events.at(6000, () => {
      process.machine.suspend(process.expires + random.below(SECOND) - stage.events.now);
      process.machine.later(0, () => {
        stage.burst(process.store, CAPACITY);
        stage.takeAllThere();
      });
    });
  },
  'what has expired is taken as unspent': (stage, random) => {
    const process = cutOff(stage);
    const spentAt = TTL_MS * 1000 - 30_000 + random.below(20_000);
    stage.events.at(spentAt, () => stage.burst(process.store, CAPACITY));
    stage.events.at(6000, () => stage.events.at(process.expires, () => stage.takeAllThere()));
  },
  'what has expired is added without draining to its expiry': (stage, random) => {
    const process = cutOff(stage);
    const spentAt = TTL_MS * 1000 - 30_000 + random.below(20_000);
    stage.events.at(spentAt, () => stage.burst(process.store, CAPACITY));
    stage.events.at(6000, () => stage.events.at(process.expires + 1000, () => stage.takeAllThere()));
  },
  'a waiter beside a lease': (stage, random) => {
    const process = cutOff(stage);
    const tokens = 1 + random.below(40);
    // Nothing is in the level any more, and what is held does not drain.
    const asks = 500_000;
    stage.events.at(asks, () => {
      stage.takeAllThere();
      stage.takeThere(tokens, limit, true);
    });
    stage.events.at(asks + Math.ceil((tokens / RATE) * SECOND), () => stage.burst(process.store, CAPACITY));
  },
};

/** By how much a story admits too much, and how many were decided ahead in it. */
export async function tell(
  story: Exclude<Mutation, 'none'>,
  seed: number,
  mutation: Mutation,
): Promise<{ excess: number; ahead: number }> {
  const stage = new Stage(mutation, [limit]);
  STORIES[story](stage, new Random(seed));
  await stage.run(4 * SECOND);
  return stage.figures;
}
