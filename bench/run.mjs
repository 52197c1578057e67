// `npm run bench`: installs the peers where they are missing, builds the package, and measures.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../scripts/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));

async function must(program, args, cwd) {
  const code = await run(program, args, { cwd });
  if (code !== 0) process.exit(code);
}

if (!existsSync(new URL('node_modules/.package-lock.json', import.meta.url))) await must('npm', ['ci'], here);
await must(process.execPath, ['scripts/build.mjs'], root);
await must(process.execPath, ['bench/main.mjs', ...process.argv.slice(2)], root);
