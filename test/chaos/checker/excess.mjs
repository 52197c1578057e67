// The bound of a bucket, tested on what was seen from outside: of each admission when it was asked for and when the answer
// was there. It was decided at some time between. In whatever window, what was certainly decided within it is at most
// capacity + rate × window. Integers only: one token is `perNs` ticks, and the bucket drains `tokens` ticks a nanosecond.

/**
 * By how many ticks the worst window is above what a bucket without capacity could have admitted in it: at most capacity × perNs
 * where the bucket was never exceeded. 0 without admissions.
 */
export function worstWindow(admissions, { tokens, perNs }) {
  const begins = sorted(admissions.map(({ sent }) => sent));
  const placeOf = new Map(begins.map((begin, place) => [begin, place]));
  // Of each time at which a window may begin: what was admitted since, up to the end of the window, less what had drained
  // before. A later begin gives less room, so what has drained before it counts for it.
  const sums = new PrefixMaximum(begins.map((begin) => tokens * begin));
  let worst = 0n;
  for (const { sent, received, cost } of byEnd(admissions)) {
    const excess = sums.raise(placeOf.get(sent), BigInt(cost) * perNs) - tokens * received;
    if (excess > worst) worst = excess;
  }
  return worst;
}

const byEnd = (admissions) => [...admissions].sort((a, b) => compare(a.received, b.received));

const sorted = (times) => [...new Set(times)].sort(compare);

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Numbers in a row, of which the first so many are raised at once, and the largest of those is asked for. */
class PrefixMaximum {
  constructor(values) {
    this.width = 1;
    while (this.width < values.length) this.width *= 2;
    this.added = new Array(2 * this.width).fill(0n);
    this.largest = new Array(2 * this.width).fill(undefined);
    values.forEach((value, i) => {
      this.largest[this.width + i] = value;
    });
    for (let node = this.width - 1; node > 0; node--) this.update(node);
  }

  /** Adds to all up to a place, and answers the largest of them. */
  raise(place, amount) {
    return this.visit(1, this.width, place + 1, amount);
  }

  visit(node, width, count, amount) {
    if (count >= width) {
      if (this.largest[node] === undefined) return undefined;
      this.added[node] += amount;
      this.largest[node] += amount;
      return this.largest[node];
    }
    const half = width / 2;
    const left = this.visit(2 * node, half, Math.min(count, half), amount);
    const right = count > half ? this.visit(2 * node + 1, half, count - half, amount) : undefined;
    this.update(node);
    return larger(left, right) + this.added[node];
  }

  update(node) {
    const below = larger(this.largest[2 * node], this.largest[2 * node + 1]);
    this.largest[node] = below === undefined ? undefined : below + this.added[node];
  }
}

const larger = (a, b) => (b === undefined || a > b ? a : b);
