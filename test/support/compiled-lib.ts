import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The library as JavaScript, for processes of their own. It lies in the project, so that packages are found. */
export class CompiledLib {
  private constructor(readonly folder: string) {}

  static async create(): Promise<CompiledLib> {
    const folder = join(root, '.cache', `lib-${process.pid}`);
    const files = await readdir(join(root, 'lib'), { recursive: true });
    await Promise.all(files.filter((file) => file.endsWith('.ts')).map((file) => compile(file, folder)));
    return new CompiledLib(folder);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function compile(file: string, folder: string): Promise<void> {
  const { code } = await transformFile(join(root, 'lib', file), {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  const target = join(folder, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
}
