// `npm run test:servers [-- NAME…]`: the suites that talk to a server, on every server and major of ioredis we support.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureRedisServer, versionOf } from './redis-server-binary.mjs';
import { run } from './run.mjs';

const SUITES = ['test/integration', 'test/conformance'];
const installed = async () => (await ensureRedisServer()).path;
const fetched = (name) => async () =>
  execFileSync('sh', [local('fetch-server.sh'), name], { encoding: 'utf8' }).trim();

const TARGETS = [
  { name: 'installed', binary: installed, ioredis: 6 },
  { name: 'installed-ioredis5', binary: installed, ioredis: 5 },
  { name: 'valkey-8.0', binary: fetched('valkey-8.0'), ioredis: 6 },
  { name: 'valkey-9.1', binary: fetched('valkey-9.1'), ioredis: 6 },
  { name: 'redis-8.0', binary: fetched('redis-8.0'), ioredis: 6 },
];

function chosen(names) {
  const unknown = names.filter((name) => !TARGETS.some((target) => target.name === name));
  const known = TARGETS.map(({ name }) => name).join(', ');
  if (unknown.length > 0) throw new Error(`No such server: ${unknown.join(', ')}. There are: ${known}.`);
  return TARGETS.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** A server that cannot be had is a failed row, and the others still run. */
async function attempt(target) {
  const start = performance.now();
  const row = {
    server: target.name,
    version: '-',
    ioredis: target.ioredis,
    passed: 0,
    failed: 0,
    result: 'FAILED',
  };
  console.log(`\n${target.name}`);
  try {
    const binary = await target.binary();
    Object.assign(row, { version: versionOf(binary) }, await runSuites(binary, target.ioredis));
  } catch (error) {
    console.error(error.message);
  }
  return { ...row, seconds: ((performance.now() - start) / 1000).toFixed(1) };
}

async function runSuites(binary, ioredis) {
  const folder = mkdtempSync(join(tmpdir(), 'floodgate-servers-'));
  const report = join(folder, 'report.json');
  const env = { ...process.env, REDIS_SERVER_BIN: binary, IOREDIS: String(ioredis) };
  try {
    const args = [local('test.mjs'), '--json', `--outputFile=${report}`, ...SUITES];
    const code = await run(process.execPath, args, { env });
    return { ...countsOf(report), result: code === 0 ? 'ok' : 'FAILED' };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function countsOf(report) {
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
}

function printTable(rows) {
  const columns = ['server', 'version', 'ioredis', 'passed', 'failed', 'seconds', 'result'];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index].length)));
  const format = (line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index]))
      .join('  ')
      .trimEnd();
  console.log(`\n${cells.map(format).join('\n')}`);
}

function local(script) {
  return fileURLToPath(new URL(script, import.meta.url));
}

try {
  const rows = [];
  for (const target of chosen(process.argv.slice(2))) rows.push(await attempt(target));
  printTable(rows);
  process.exitCode = rows.every(({ result }) => result === 'ok') ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
