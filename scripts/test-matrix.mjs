// `npm run test:matrix [-- nest10]`: the suites that meet NestJS, on every line of it that we support besides our own.
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const SUITES = ['test/unit', 'test/e2e', 'sample'];
/** What never meets NestJS, or meets only what is the same of it on every line. */
const ELSEWHERE = [
  '/node_modules/',
  'test/unit/(algorithms|bench|codemod|leases|limiter|oracle|outbound|refusals|resilience|stores|testing)',
  'test/unit/boot-errors/policy-options',
  'test/e2e/exactness',
  'sample/03-outbound-crawler',
  'migration-codemod',
];
const matrix = new URL('../matrix/', import.meta.url);

function chosen(names) {
  const lines = readdirSync(matrix).filter((name) => name.startsWith('nest'));
  const unknown = names.filter((name) => !lines.includes(name));
  if (unknown.length > 0) {
    throw new Error(`No such line of NestJS: ${unknown.join(', ')}. There are: ${lines.join(', ')}.`);
  }
  return names.length === 0 ? lines : names;
}

async function attempt(line) {
  const start = performance.now();
  console.log(`\n${line}`);
  const passed = (await ensureInstalled(line)) && (await runSuites(line));
  console.log(`${line}: ${passed ? 'ok' : 'FAILED'} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return passed;
}

/** npm writes the lock file within node_modules last, so an interrupted installation counts as none. */
async function ensureInstalled(line) {
  const folder = new URL(`${line}/`, matrix);
  const installed = modifiedAt(new URL('node_modules/.package-lock.json', folder));
  if (installed >= modifiedAt(new URL('package-lock.json', folder))) return true;
  return (await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: fileURLToPath(folder) })) === 0;
}

const modifiedAt = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

async function runSuites(line) {
  const test = fileURLToPath(new URL('test.mjs', import.meta.url));
  const env = { ...process.env, FLOODGATE_NEST: line };
  const ignored = ELSEWHERE.flatMap((pattern) => ['--testPathIgnorePatterns', pattern]);
  return (await run(process.execPath, [test, ...SUITES, ...ignored], { env })) === 0;
}

try {
  const outcomes = [];
  for (const line of chosen(process.argv.slice(2))) outcomes.push(await attempt(line));
  process.exitCode = outcomes.every(Boolean) ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
