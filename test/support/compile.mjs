// TypeScript to JavaScript, file by file, for processes of their own.
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The library as the package `nestjs-floodgate` in a folder of `.cache`, so that other packages are found from there. `programs`
 * are folders of the repository that import it by its name: they lie below it, so that its name means this build.
 * @param {readonly string[]} programs
 * @returns {Promise<string>} the folder
 */
export async function compileLib(programs = []) {
  const folder = join(root, '.cache', `lib-${process.pid}`);
  const itself = { name: 'nestjs-floodgate', type: 'module', exports: './index.js' };
  await mkdir(folder, { recursive: true });
  await Promise.all([
    writeFile(join(folder, 'package.json'), JSON.stringify(itself)),
    compileFolder('lib', folder),
    ...programs.map((program) => compileFolder(program, join(folder, program))),
  ]);
  return folder;
}

async function compileFolder(from, to) {
  const files = await readdir(join(root, from), { recursive: true });
  await Promise.all(files.map((file) => place(join(root, from, file), join(to, file))));
}

async function place(source, target) {
  if (source.endsWith('.mjs')) {
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
  } else if (source.endsWith('.ts')) {
    await compile(source, target.replace(/\.ts$/, '.js'));
  }
}

async function compile(source, target) {
  const { code } = await transformFile(source, {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
}
