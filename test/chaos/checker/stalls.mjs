// What the machine adds: times in which a process was kept from all its work.

/**
 * For how many milliseconds between two times it was. Stalls are in order, and none overlaps another.
 * @param {readonly { readonly from: bigint, readonly until: bigint }[]} stalls
 * @param {bigint} from
 * @param {bigint} until
 * @returns {number}
 */
export function stalledMs(stalls, from, until) {
  let sum = 0n;
  for (let i = firstAfter(stalls, from); i < stalls.length && stalls[i].from < until; i++) {
    const begin = stalls[i].from > from ? stalls[i].from : from;
    const end = stalls[i].until < until ? stalls[i].until : until;
    sum += end - begin;
  }
  return Number(sum) / 1e6;
}

function firstAfter(stalls, time) {
  let [low, high] = [0, stalls.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stalls[middle].until <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
