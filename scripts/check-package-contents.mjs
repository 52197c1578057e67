// What the package carries: nothing but the two builds, the codemod and its papers, and the docstrings of the source.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ALLOWED = /^(dist\/(esm|cjs)\/.+\.(js|d\.ts)|dist\/cjs\/package\.json|codemod\/[\w-]+\.mjs)$/;
const PAPERS = ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'docs/migrating-from-throttler.md'];
export const RUN_BY_NPM = ['preinstall', 'install', 'postinstall'];
/** A docstring above an export, decorated or not. */
const DOCSTRING = /^\/\*\*(?:(?!\*\/)[\s\S])*\*\/(?=\n(?:@\w+\([^;]*?\)\n)*export )/gm;

/**
 * @param {string} source the root of the source tree
 * @param {string} unpacked the folder of the unpacked package
 */
export function checkContents(source, unpacked) {
  const files = filesOf(unpacked);
  const strangers = files.filter((file) => !ALLOWED.test(file) && !PAPERS.includes(file));
  assert.deepEqual(strangers, [], 'files that nobody needs');
  const missing = PAPERS.filter((file) => existsSync(join(source, file)) && !files.includes(file));
  assert.deepEqual(missing, [], 'files that are missing');

  const { scripts = {} } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  const installing = RUN_BY_NPM.filter((name) => name in scripts);
  assert.deepEqual(installing, [], 'scripts that run when somebody installs the package');

  const builds = ['esm', 'cjs'].map((build) => join(unpacked, 'dist', build));
  const [docstrings] = builds.map((build) => checkDocstrings(join(source, 'lib'), build));
  assert.ok(docstrings > 0, 'no docstring was compared');
  console.log(`The tarball has ${files.length} files, and all ${docstrings} docstrings in either build.`);
}

function checkDocstrings(lib, build) {
  let found = 0;
  // What only tells the compiler of a package without types is not compiled.
  const sources = filesOf(lib).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  for (const file of sources) {
    const types = readFileSync(join(build, file.replace(/\.ts$/, '.d.ts')), 'utf8');
    for (const [docstring] of readFileSync(join(lib, file), 'utf8').matchAll(DOCSTRING)) {
      assert.ok(types.includes(docstring), `${build} has lost a docstring of lib/${file}:\n${docstring}`);
      found++;
    }
  }
  return found;
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
