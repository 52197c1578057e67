// Builds the package and a sample, and runs the sample: `npm start [-- 01-quickstart]`.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import './build.mjs';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const sample = process.argv[2] ?? '01-quickstart';

rmSync('sample/dist', { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', 'sample/tsconfig.json'], { stdio: 'inherit' });
await import(pathToFileURL(`sample/dist/${sample}/src/main.js`));
