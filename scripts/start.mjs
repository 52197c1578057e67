// Builds what has changed of the package and the samples, and runs a sample: `npm start [-- 01-quickstart]`.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const sample = process.argv[2] ?? '01-quickstart';
const CONFIGURATION = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.cjs.json'];
const NOT_SOURCES = new Set(['dist', 'node_modules']);

/** What each build writes last. */
const PACKAGE = 'dist/cjs/package.json';
const SAMPLE = `sample/dist/${sample}/src/main.js`;

if (!isNewer(PACKAGE, ['lib', ...CONFIGURATION])) await import('./build.mjs');
if (!isNewer(SAMPLE, ['sample', PACKAGE])) {
  rmSync('sample/dist', { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, '-p', 'sample/tsconfig.json'], { stdio: 'inherit' });
}
await import(pathToFileURL(SAMPLE));

function isNewer(output, sources) {
  const builtAt = changedAt(output);
  return builtAt > 0 && sources.every((source) => newestIn(source) <= builtAt);
}

function newestIn(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const names = readdirSync(path).filter((name) => !NOT_SOURCES.has(name));
  return Math.max(stats.mtimeMs, ...names.map((name) => newestIn(join(path, name))));
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
