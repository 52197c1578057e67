// That a long run goes on: one line that changes, or, where nobody sees it change, a line now and then.

const EVERY_MS = 15_000;

/** @param {string} name of the row, and how many there are */
export function progressOf(name, stream = process.stderr) {
  if (stream.isTTY) {
    return {
      progress: (text) => stream.write(`\r\u001b[K${name}: ${text}`),
      clear: () => stream.write('\r\u001b[K'),
    };
  }
  let last = -Infinity;
  const progress = (text) => {
    if (performance.now() - last < EVERY_MS) return;
    last = performance.now();
    stream.write(`${name}: ${text}\n`);
  };
  return { progress, clear: () => undefined };
}
