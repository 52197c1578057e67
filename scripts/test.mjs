// `npm test`: the whole suite, on a real Redis server. Arguments go to jest: `npm test -- test/unit --watch`.
import { fileURLToPath } from 'node:url';
import { ensureRedisServer } from './redis-server-binary.mjs';
import { run } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];

try {
  const { path, version } = await ensureRedisServer();
  console.log(`Redis server: ${version} (${path})`);
  const env = { ...process.env, REDIS_SERVER_BIN: path };
  process.exitCode = await run(process.execPath, [...flags, jest, ...process.argv.slice(2)], {
    cwd: root,
    env,
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
