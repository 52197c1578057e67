// What is installed with the package: nothing that runs a script or needs more, and nothing that is known to be vulnerable.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_BY_NPM } from './check-package-contents.mjs';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * @param {string} source the root of the source tree
 * @param {string} modules a `node_modules` that the package is installed in
 */
export function checkInstalled(source, modules) {
  const names = Object.keys(readJson(join(source, 'package.json')).dependencies);
  for (const name of names) {
    const folder = join(modules, name);
    const { scripts = {}, dependencies = {} } = readJson(join(folder, 'package.json'));
    assert.deepEqual(Object.keys(dependencies), [], `${name} needs other packages`);
    // npm runs node-gyp where there is a binding.gyp, without any script that says so.
    const runs = RUN_BY_NPM.some((script) => script in scripts) || existsSync(join(folder, 'binding.gyp'));
    assert.equal(runs, false, `${name} runs something when it is installed`);
  }
  console.log(`Installed with it, and running nothing: ${names.join(', ')}.`);
}

/** @param {string} source the root of the source tree, with its lock file */
export function checkAudit(source) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--omit=peer', '--json'], { cwd: source });
  const { error, message, metadata } = JSON.parse(String(stdout));
  // No finding, and no proof either: not every registry answers.
  if (error) return console.log(`npm audit could not be asked: ${message}`);
  assert.equal(metadata.vulnerabilities.total, 0, 'npm audit knows of vulnerabilities');
  console.log('npm audit knows nothing of what is installed with it.');
}
