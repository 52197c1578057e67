// What the chaos suite and the soak have in common: they are compiled into a folder of their own, with the library.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileLib } from '../test/support/compile.mjs';
import { ensureRedisServer } from './redis-server-binary.mjs';

/** Sets the exit code by what the action answers, and leaves nothing behind. */
export async function runCompiled(program, action) {
  const { path, version } = await ensureRedisServer();
  console.log(`Redis server: ${version} (${path})`);
  process.env.REDIS_SERVER_BIN = path;
  const folder = await compileLib(['test/support', 'test/chaos']);
  try {
    const passed = await action(await import(pathToFileURL(join(folder, program))));
    process.exitCode = passed ? 0 : 1;
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
