// Every process that the benchmark starts ends with it, by its own pid, however the run ends.

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

const endAll = () => {
  for (const child of running) child.kill('SIGKILL'); // nothing is to be saved
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

/** Resolves when the process is gone. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
