import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The library as JavaScript, for processes of their own. It lies in the project, so that packages are found. */
export class CompiledLib {
  private constructor(readonly folder: string) {}

  /**
   * With `programs`, folders of the repository that import it by its name: they are compiled into folders of the same
   * path below it, so that its name means this build and never an old `dist`.
   */
  static async create(...programs: string[]): Promise<CompiledLib> {
    const folder = join(root, '.cache', `lib-${process.pid}`);
    const itself = { name: 'nestjs-floodgate', type: 'module', exports: './index.js' };
    await mkdir(folder, { recursive: true });
    await Promise.all([
      writeFile(join(folder, 'package.json'), JSON.stringify(itself)),
      compileFolder('lib', folder),
      ...programs.map((program) => compileFolder(program, join(folder, program))),
    ]);
    return new CompiledLib(folder);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function compileFolder(from: string, to: string): Promise<void> {
  const files = await readdir(join(root, from), { recursive: true });
  const sources = files.filter((file) => file.endsWith('.ts'));
  await Promise.all(
    sources.map((file) => compile(join(root, from, file), join(to, file.replace(/\.ts$/, '.js')))),
  );
}

async function compile(source: string, target: string): Promise<void> {
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
