// The command, as a user runs it: in the folder of a project.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GUIDE, LEFT, SECTIONS } from '../../../codemod/guide.mjs';
import { readPage } from '../../support/docs/markdown.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const CATS =
  "import { SkipThrottle, Throttle } from '@nestjs/throttler';\n\n@SkipThrottle()\nclass Cats {}\n";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'floodgate-codemod-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  write('src/cats.ts', CATS);
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function run(...words: string[]) {
  const program = join(root, 'codemod/cli.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { cwd: folder });
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

it('shows what it would do, and writes nothing', () => {
  write('src/dogs.ts', CATS.replace('@SkipThrottle()', '@SkipThrottle()\n@Throttle(strict)'));

  expect(run('src')).toEqual({
    status: 0,
    stderr: '',
    stdout: `--- src/cats.ts
+++ src/cats.ts
@@ -1,5 +1,5 @@
-import { SkipThrottle, Throttle } from '@nestjs/throttler';
+import { SkipRateLimit } from 'nestjs-floodgate';
 
-@SkipThrottle()
+@SkipRateLimit('default')
 class Cats {}
 

--- src/dogs.ts
+++ src/dogs.ts
@@ -1,5 +1,6 @@
-import { SkipThrottle, Throttle } from '@nestjs/throttler';
+import { SkipRateLimit } from 'nestjs-floodgate';
+import { Throttle } from '@nestjs/throttler';
 
-@SkipThrottle()
+@SkipRateLimit('default')
 @Throttle(strict)
 class Cats {}

To be done by hand:
  src/dogs.ts:4: Throttle: what a variable or a function says is not known before it runs
    ${GUIDE}#${SECTIONS.dynamic}

2 files would be rewritten. Run it again with --write.
`,
  });
  expect(read('src/cats.ts')).toBe(CATS);
});

it('writes with --write, and finds nothing to do afterwards', () => {
  write('src/node_modules/other/cats.ts', CATS);

  expect(run('src', '--write').stdout).toBe('Rewritten: src/cats.ts. Run your formatter and your tests.\n');
  expect(read('src/cats.ts')).toContain("@SkipRateLimit('default')");
  expect(read('src/node_modules/other/cats.ts')).toBe(CATS);
  expect(run('src', '--write').stdout).toBe('Nothing to rewrite.\n');
});

it('says how it is used', () => {
  expect(run().stdout).toContain('Usage: nestjs-floodgate-from-throttler [--write] <files and folders>');
  expect(run('--help')).toEqual(run());
});

it.each([
  [['--force', 'src'], '--force is not known'],
  [['sources'], 'sources is no file and no folder; name files or folders, as: src [NO_SUCH_PATH]'],
])('refuses %j', (words, message) => {
  const { status, stdout, stderr } = run(...words);

  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(message);
});

it.each([
  [
    'is missing',
    undefined,
    /^typescript is not installed in .*; run: npm install --save-dev typescript \[TYPESCRIPT_MISSING\]/,
  ],
  [
    'cannot read files',
    'exports.version = "7.0.0";',
    /^typescript 7\.0\.0 in .*run this with TypeScript 5 or 6.*\[TYPESCRIPT_UNKNOWN\]/,
  ],
])('says what to do where TypeScript %s', (_, typescript, message) => {
  rmSync(join(folder, 'node_modules'));
  if (typescript) write('node_modules/typescript/index.js', typescript);
  const { status, stderr } = run('src');

  expect(status).toBe(1);
  expect(stderr).toMatch(message);
});

it('names sections that the guide has', () => {
  const headings = readPage(GUIDE.replace('node_modules/nestjs-floodgate/', '')).prose.flatMap(
    (line) => /^#+ (.+)$/.exec(line)?.[1] ?? [],
  );
  const anchors = headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );

  expect(anchors).toEqual(expect.arrayContaining(Object.values(SECTIONS)));
  expect(Object.keys(SECTIONS)).toEqual(
    expect.arrayContaining(Object.values(LEFT).map(([section]) => section)),
  );
});
