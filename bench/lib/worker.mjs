// The other end of `child.mjs`: opens a subject and measures it when asked.
import 'reflect-metadata';
import { closedLoop } from './closed-loop.mjs';
import { scriptCalls } from './commands.mjs';
import { bytesPerKey } from './heap.mjs';
import { awaitedLoop, syncLoop } from './plain-loops.mjs';

const MEASUREMENTS = { closedLoop, scriptCalls, syncLoop, awaitedLoop, bytesPerKey };

const [, , module, name, setup] = process.argv;

const say = (message) => process.send(message);
const tell = async (work) => {
  try {
    say({ value: await work() });
  } catch (error) {
    say({ error: `${module}/${name}: ${error?.stack ?? JSON.stringify(error)}` });
  }
};

// Without the benchmark nobody would end this process.
process.on('disconnect', () => process.exit());

let subject;
await tell(async () => {
  const { [name]: open } = await import(`../subjects/${module}.mjs`);
  subject = await open(JSON.parse(setup));
});

process.on('message', ({ what, options }) =>
  tell(() => (what in MEASUREMENTS ? MEASUREMENTS[what](subject, options) : subject[what](options))),
);
