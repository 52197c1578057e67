// Subjects in turns, A B A B …, in one run: the machine is not always equally fast.

/**
 * @typedef {object} Effort how much a row measures
 * @property {number} turns of each subject
 * @property {number} ms how long one turn takes, about
 * @property {(text: string) => void} progress
 */

/**
 * The order changes from turn to turn: forwards, then backwards, so that none is always after the same one.
 * @template S, R
 * @param {readonly S[]} subjects
 * @param {Effort} effort
 * @param {(subject: S, turn: number) => Promise<R>} measure
 * @returns {Promise<Map<S, R[]>>}
 */
export async function inTurns(subjects, { turns, progress }, measure) {
  const results = new Map(subjects.map((subject) => [subject, []]));
  for (let turn = 0; turn < turns; turn++) {
    progress(`turn ${turn + 1} of ${turns}`);
    const order = turn % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of order) results.get(subject).push(await measure(subject, turn));
  }
  return results;
}

/** One number of each measurement: `column(measurements, 'cpu')`. */
export const column = (measurements, name) => measurements.map((measurement) => measurement[name]);
