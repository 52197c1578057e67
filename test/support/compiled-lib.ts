import { rm } from 'node:fs/promises';
import { compileLib } from './compile.mjs';

/** The library as JavaScript, for processes of their own. It lies in the project, so that packages are found. */
export class CompiledLib {
  private constructor(readonly folder: string) {}

  /**
   * With `programs`, folders of the repository that import it by its name: they are compiled into folders of the same
   * path below it, so that its name means this build and never an old `dist`.
   */
  static async create(...programs: string[]): Promise<CompiledLib> {
    return new CompiledLib(await compileLib(programs));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
