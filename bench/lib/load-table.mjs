import { digits, withSpread } from './cells.mjs';
import { ratios } from './statistics.mjs';
import { column } from './turns.mjs';

const COLUMNS = [
  ['client µs', 'client'],
  ['server µs', 'server'],
  ['CPU µs', 'cpu'],
  ['per second', 'perSecond'],
  ['p50 µs', 'p50'],
  ['p99 µs', 'p99'],
];

/**
 * What `closedLoop` has measured of all, and the CPU of each beside that of one of them.
 * @param {string} title
 * @param {Map<string, object[]>} results by title
 * @param {string} reference a title
 */
export function loadTable(title, results, reference) {
  const base = column(results.get(reference), 'cpu');
  const rows = [...results].map(([name, turns]) => [
    name,
    ...COLUMNS.map(([, key]) => withSpread(column(turns, key))),
    digits(ratios(column(turns, 'cpu'), base).median),
  ]);
  return { title, head: ['', ...COLUMNS.map(([head]) => head), `CPU ÷ ${reference}`], rows };
}
