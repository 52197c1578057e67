import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url));

/** Runs a snippet as a module of this repository, and answers what it exports. */
export async function importSnippet(code: string): Promise<Record<string, unknown>> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'snippet-'));
  const file = join(folder, 'snippet.ts');
  try {
    await writeFile(file, code);
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(folder, { recursive: true });
  }
}
