// A long run with a fault every ten seconds, drawn from a seed: nothing is admitted too much, nothing grows.
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../support/oracle/scenario.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { type FaultOptions, type Outcome, Run } from './run.js';
import { clientsOf } from './scenarios/standalone.js';
import { table } from './table.js';
import type { Measurement } from './taker/config.js';
import { verdictOf } from './verdict.js';

const EVERY_MS = 10_000;
/** Heaps and handles are compared between the second and the last third. */
const GROWTH = 0.05;
/** A connection that is being made anew: a leak of every fault would be twenty in a third of a run. */
const MORE_HANDLES = 2;
const MOST_PROBLEMS = 20;

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
}

interface Broken {
  readonly run: Run;
  readonly server: RedisServer;
  readonly proxy: TcpProxy;
  readonly lastsMs: number;
}

type Fault = readonly [string, (broken: Broken) => Promise<void>, FaultOptions?];

const worsened =
  (worsen: (proxy: TcpProxy) => void) =>
  async ({ proxy, lastsMs }: Broken) => {
    worsen(proxy);
    await sleep(lastsMs);
    proxy.heal();
  };

const LOSES_REPLIES: FaultOptions = { mayRepeat: true };

const FAULTS: readonly Fault[] = [
  [
    'freeze',
    async ({ server, lastsMs }) => {
      server.pause();
      await sleep(lastsMs);
      server.resume();
    },
  ],
  [
    'kill',
    async ({ run, server, lastsMs }) => {
      await run.losing(async () => {
        await server.kill();
        await sleep(lastsMs);
      });
      await server.start();
    },
  ],
  ['slow', worsened((proxy) => proxy.slow(20)), { staysUp: true }],
  ['too slow', worsened((proxy) => proxy.slow(200))],
  ['no requests', worsened((proxy) => proxy.hold('request'))],
  // A client that was opened for the application gives such a connection up, with the replies on it.
  ['no replies', worsened((proxy) => proxy.hold('reply')), LOSES_REPLIES],
  ['refused', worsened((proxy) => proxy.refuse()), LOSES_REPLIES],
  [
    'cut',
    async ({ proxy, lastsMs }) => {
      proxy.cutMidReply();
      await sleep(lastsMs);
      proxy.heal();
    },
    { ...LOSES_REPLIES, staysUp: true },
  ],
];

export async function runSoak({ seed, minutes }: SoakOptions): Promise<boolean> {
  const server = await startRedis();
  const proxy = await TcpProxy.start(server);
  const samples: Measurement[][] = [];
  console.log(`soak of ${minutes} minutes (seed ${seed})`);
  const run = await Run.start({ redis: clientsOf(proxy), portOf: async () => server.port, seed });
  try {
    const random = new Random(seed);
    const end = performance.now() + minutes * 60_000;
    for (let next = performance.now(); next < end; ) {
      next += EVERY_MS;
      const [name, act, options] = random.pick(FAULTS);
      const broken = { run, server, proxy, lastsMs: 500 + random.below(4000) };
      const whileQuiet = async () => void samples.push(await run.measure());
      await run.fault(name, () => act(broken), { ...options, whileQuiet });
      await sleep(Math.max(0, next - performance.now()));
    }
    return judge(await run.finish(), samples);
  } catch (error) {
    await run.abandon();
    throw error;
  } finally {
    await proxy.stop();
    await server.stop();
  }
}

function judge(outcome: Outcome, samples: readonly Measurement[][]): boolean {
  const { text, problems } = verdictOf(outcome);
  const processes = (samples[0] ?? []).map((_, i) => growthOf(i, samples));
  console.log(text);
  console.log(table(columns, processes));
  const grown = processes.flatMap(({ name, heap, handles }) => [
    ...(Math.abs(heap.last / heap.middle - 1) > GROWTH ? [`${name}: the heap is not flat`] : []),
    ...(handles.last > Math.max(handles.first, handles.middle) + MORE_HANDLES
      ? [`${name}: has more handles than before`]
      : []),
  ]);
  const all = [...problems, ...grown];
  for (const problem of all.slice(0, MOST_PROBLEMS)) console.log(`  ${problem}`);
  console.log(`soak: ${all.length === 0 ? 'ok' : `FAILED, ${all.length} problems`}`);
  return all.length === 0;
}

interface Thirds {
  readonly first: number;
  readonly middle: number;
  readonly last: number;
}

interface Growth {
  readonly name: string;
  /** In megabytes, after collecting garbage: the mean of each third. */
  readonly heap: Thirds;
  /** The most in each third. */
  readonly handles: Thirds;
}

function growthOf(process: number, samples: readonly Measurement[][]): Growth {
  const own = samples.map((sample) => sample[process]!);
  const heaps = own.map(({ heapBytes }) => heapBytes / 1e6);
  return {
    name: `taker-${process + 1}`,
    heap: thirds(heaps, (values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    handles: thirds(
      own.map(({ handles }) => handles),
      (values) => Math.max(...values),
    ),
  };
}

function thirds(values: readonly number[], of: (values: readonly number[]) => number): Thirds {
  const cut = (i: number) => Math.floor((values.length * i) / 3);
  const [first, middle, last] = [0, 1, 2].map((i) => of(values.slice(cut(i), cut(i + 1)))) as [
    number,
    number,
    number,
  ];
  return { first, middle, last };
}

const columns = [
  { title: 'process', text: ({ name }: Growth) => name },
  ...(['first', 'middle', 'last'] as const).map((third) => ({
    title: `heap MB, ${third}`,
    text: ({ heap }: Growth) => heap[third].toFixed(2),
  })),
  ...(['first', 'middle', 'last'] as const).map((third) => ({
    title: `handles, ${third}`,
    text: ({ handles }: Growth) => String(handles[third]),
  })),
];
