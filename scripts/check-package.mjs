// `npm run test:package`: packs the package and tests the tarball, not the source tree, as its users will meet it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkContents } from './check-package-contents.mjs';
import { checkAudit, checkInstalled } from './check-package-supply.mjs';
import { withRedis } from './private-redis.mjs';
import { run } from './run.mjs';

const local = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(local(path), 'utf8'));
const { resolve } = createRequire(import.meta.url);
const bin = (name) => local(`node_modules/.bin/${name}`);

const ours = readJson('package.json').devDependencies;
const lineOf = (name) => readJson(`matrix/${name}/package.json`).dependencies;

/** How TypeScript finds packages: the newest way, and the oldest, which knows no `exports`. */
const NODENEXT = { module: 'nodenext' };
const NODE10 = { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' };

/**
 * Each in the versions that the other suites run on. Without ioredis it is the memory that decides; without
 * `microservices` there is nothing but HTTP.
 */
const APPS = [
  { name: 'esm', type: 'module', versions: ours, microservices: true, compiler: NODENEXT, check: runProgram },
  {
    name: 'cjs',
    type: 'commonjs',
    versions: lineOf('nest11'),
    ioredis: ours.ioredis,
    microservices: true,
    compiler: NODENEXT,
    check: runProgram,
  },
  {
    name: 'jest',
    type: 'commonjs',
    versions: lineOf('nest10'),
    ioredis: ours.ioredis5,
    compiler: NODE10,
    check: runJest,
  },
];
const NEEDED = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'];

const compiler = {
  target: 'es2022',
  strict: true,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node'],
  typeRoots: [local('node_modules/@types')],
};
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'commonjs' },
};
const jest = {
  testMatch: ['**/*.test.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': [resolve('@swc/jest'), swc] },
};

async function checkPackage(work) {
  await succeed(process.execPath, [local('scripts/build.mjs')], { cwd: local('.') });
  const tarball = await pack(work);
  checkContents(local('.'), unpack(tarball, work));
  await succeed(bin('publint'), ['run', tarball, '--strict']);
  await succeed(bin('attw'), [tarball, '--format', 'ascii', '--no-color']);
  const apps = APPS.map((app) => ({ ...app, folder: join(work, app.name) }));
  await all(apps.map((app) => install(app, tarball)));
  for (const { folder } of apps) checkInstalled(local('.'), join(folder, 'node_modules'));
  checkAudit(local('.'));
  await withRedis(async (url) => {
    for (const app of apps) await checkApp(app, url);
  });
  await succeed(process.execPath, [local('scripts/test.mjs')], {
    env: { ...process.env, FLOODGATE_BUILT: '1' },
  });
}

async function pack(work) {
  await succeed('npm', ['pack', '--silent', '--pack-destination', work], { cwd: local('.') });
  const name = readdirSync(work).find((file) => file.endsWith('.tgz'));
  return join(work, name);
}

function unpack(tarball, work) {
  execFileSync('tar', ['-xzf', tarball, '-C', work]);
  return join(work, 'package');
}

async function install(app, tarball) {
  const { name, type, versions, ioredis, folder } = app;
  const needed = name === 'jest' ? [...NEEDED, '@nestjs/testing'] : NEEDED;
  const dependencies = Object.fromEntries(needed.map((one) => [one, versions[one]]));
  dependencies['nestjs-floodgate'] = `file:${tarball}`;
  if (ioredis) dependencies.ioredis = ioredis;
  if (app.microservices) dependencies['@nestjs/microservices'] = versions['@nestjs/microservices'];
  mkdirSync(folder);
  writeJson(join(folder, 'package.json'), { private: true, type, dependencies });
  writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { ...compiler, ...app.compiler },
    files: ['main.ts'],
  });
  cpSync(local('test/package/app'), folder, { recursive: true });
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--loglevel=error'];
  await succeed('npm', ['install', ...flags], { cwd: folder });
}

async function checkApp({ name, versions, ioredis, microservices, folder, check }, url) {
  const env = { ...process.env };
  delete env.REDIS_URL;
  if (ioredis) env.REDIS_URL = url;
  // Against the types that are published, and those of that line of NestJS.
  await succeed(bin('tsc'), ['-p', '.'], { cwd: folder });
  await succeed(process.execPath, ['one-copy.mjs'], { cwd: folder });
  if (microservices) await succeed(process.execPath, ['refused-message.mjs'], { cwd: folder });
  await checkCodemod(folder);
  await check(folder, env);
  console.log(`${name}: ok on NestJS ${versions['@nestjs/core']}, ${ioredis ? 'on Redis' : 'in memory'}`);
}

async function runProgram(folder, env) {
  await succeed(process.execPath, ['main.js'], { cwd: folder, env });
}

/** The command as npm has installed it, with the TypeScript of the project it runs in: this one. */
async function checkCodemod(folder) {
  const file = join(folder, 'throttled.ts');
  const program = join(folder, 'node_modules/.bin/nestjs-floodgate-from-throttler');
  writeFileSync(
    file,
    "import { SkipThrottle } from '@nestjs/throttler';\n@SkipThrottle()\nexport class Cats {}\n",
  );
  await succeed(program, ['--write', file], { cwd: local('.') });
  assert.match(readFileSync(file, 'utf8'), /@SkipRateLimit\('default'\)\nexport class Cats/);
}

/** Without --experimental-vm-modules, as most applications run it: there `import()` fails and `require` is all. */
async function runJest(folder, env) {
  const args = [
    local('node_modules/jest/bin/jest.js'),
    '--rootDir',
    folder,
    '--config',
    JSON.stringify(jest),
  ];
  await succeed(process.execPath, args, { cwd: folder, env });
}

async function succeed(program, args, options) {
  const code = await run(program, args, options);
  if (code !== 0) throw new Error(`'${[program, ...args].join(' ')}' ended with ${code}`);
}

/** `Promise.all`, but a failure waits for the others: the folder they work in is removed after it. */
async function all(promises) {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}

function writeJson(file, value) {
  writeFileSync(file, JSON.stringify(value, null, 2));
}

const work = mkdtempSync(join(tmpdir(), 'floodgate-package-'));
try {
  await checkPackage(work);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
