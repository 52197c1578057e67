// What changes, line by line, in the form of a unified diff.

const CONTEXT = 2;

export function unifiedDiff(path, before, after) {
  const steps = stepsBetween(before.split('\n'), after.split('\n'));
  const hunks = hunksOf(steps).map((hunk) => hunkText(hunk));
  return [`--- ${path}`, `+++ ${path}`, ...hunks].join('\n');
}

/** Each line with its sign, and where it stands before and after. */
function stepsBetween(before, after) {
  const common = commonLengths(before, after);
  const steps = [];
  for (let [i, j] = [0, 0]; i < before.length || j < after.length; ) {
    const sign = signAt(before, after, common, i, j);
    steps.push({ sign, line: sign === '+' ? after[j] : before[i], before: i + 1, after: j + 1 });
    if (sign !== '+') i++;
    if (sign !== '-') j++;
  }
  return steps;
}

function signAt(before, after, common, i, j) {
  if (i < before.length && before[i] === after[j]) return ' ';
  if (i === before.length) return '+';
  return j === after.length || common[i + 1][j] >= common[i][j + 1] ? '-' : '+';
}

/** `[i][j]`: how many lines the rest of one from i and the rest of the other from j have in common. */
function commonLengths(before, after) {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i][j] =
        before[i] === after[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** Changes with the lines around them; those that meet are one. */
function hunksOf(steps) {
  const shown = steps.map((_, index) =>
    steps.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  return steps.reduce((hunks, step, index) => {
    if (shown[index] && !shown[index - 1]) hunks.push([]);
    if (shown[index]) hunks.at(-1).push(step);
    return hunks;
  }, []);
}

function hunkText(hunk) {
  const count = (signs) => hunk.filter(({ sign }) => signs.includes(sign)).length;
  const [{ before, after }] = hunk;
  const head = `@@ -${before},${count(' -')} +${after},${count(' +')} @@`;
  return [head, ...hunk.map(({ sign, line }) => `${sign}${line}`)].join('\n');
}
