// `npm run test:chaos [-- --short] [-- NAME…]`: real servers are stopped, killed, failed over, resharded and cut off, while
// processes take from known buckets; what they were told is judged afterwards. CHAOS_SEED repeats a run; CHAOS_TIMES says how
// often a failover, and whatever else can be repeated, is.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileLib } from '../test/support/compile.mjs';
import { ensureRedisServer } from './redis-server-binary.mjs';

const words = process.argv.slice(2);
const { path, version } = await ensureRedisServer();
console.log(`Redis server: ${version} (${path})`);
process.env.REDIS_SERVER_BIN = path;
const folder = await compileLib(['test/support', 'test/chaos']);
try {
  const { runChaos } = await import(pathToFileURL(join(folder, 'test/chaos/main.js')));
  const passed = await runChaos({
    isShort: words.includes('--short'),
    seed: Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000),
    times: Number(process.env.CHAOS_TIMES ?? 20),
    names: words.filter((word) => !word.startsWith('--')),
  });
  process.exitCode = passed ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
