// `npm run bench`: all rows, or those that are named; see README.md.
import { parseArgs } from 'node:util';
import { goalsTable } from './lib/goals-table.mjs';
import { machine } from './lib/machine.mjs';
import { progressOf } from './lib/progress.mjs';
import { writeResults } from './lib/results.mjs';
import { plainTable } from './lib/table.mjs';
import { blocking } from './scenarios/blocking.mjs';
import { cluster } from './scenarios/cluster.mjs';
import { four } from './scenarios/four.mjs';
import { growth } from './scenarios/growth.mjs';
import { hot } from './scenarios/hot.mjs';
import { http } from './scenarios/http.mjs';
import { leases } from './scenarios/leases.mjs';
import { memory } from './scenarios/memory.mjs';
import { one } from './scenarios/one.mjs';
import { refused } from './scenarios/refused.mjs';
import { strict } from './scenarios/strict.mjs';

const SCENARIOS = { strict, hot, one, four, cluster, blocking, refused, leases, memory, http, growth };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0) {
  console.error(`No row ${unknown.join(', ')}: there are ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(1);
}
const chosen = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);
const effort = values.short ? { turns: 3, ms: 200 } : { turns: 7, ms: 300 };
if (values.short) console.log('A short form: a look, and no result.\n');

const began = performance.now();
const outcomes = new Map();
for (const [index, name] of chosen.entries()) {
  const start = performance.now();
  const { progress, clear } = progressOf(`${name} (${index + 1} of ${chosen.length})`);
  try {
    const outcome = await SCENARIOS[name]({ ...effort, progress });
    clear();
    outcomes.set(name, outcome);
    for (const table of outcome.tables) console.log(`${plainTable(table)}\n`);
    console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  } catch (error) {
    // The others are measured all the same, and no result is written.
    clear();
    console.error(error);
    process.exitCode = 1;
  }
}
console.log(plainTable(goalsTable([...outcomes.values()])));

const minutes = ((performance.now() - began) / 60_000).toFixed(0);
if (!values.short && outcomes.size === Object.keys(SCENARIOS).length) {
  const date = new Date().toISOString().slice(0, 10);
  writeResults({ outcomes, machine: await machine(), effort, minutes, date });
  console.log(`\nWritten: bench/RESULTS.md, bench/results.svg. ${minutes} minutes.`);
} else {
  console.log('\nNothing written: RESULTS.md is of a whole run.');
}
// Whatever a row that has failed has left open.
process.exit();
