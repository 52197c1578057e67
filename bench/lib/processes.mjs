// Every process that the benchmark starts ends with it, by its own pid, however the run ends.

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** @type {(() => void)[]} */
const chores = [];

const endAll = () => {
  for (const child of running) child.kill('SIGKILL'); // nothing is to be saved
  for (const chore of chores) chore();
};

process.on('exit', endAll);
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.on(signal, () => process.exit(128 + number));
}

/**
 * @template {import('node:child_process').ChildProcess} T
 * @param {T} child
 * @returns {T}
 */
export function endsWithUs(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Something to be done, at once, when all those processes have been told to end. */
export function atTheEnd(chore) {
  chores.push(chore);
}

/** Resolves when the process is gone. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
