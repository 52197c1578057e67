import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = /(?<!\.d)\.[cm]?tsx?$/;
const NOT_OURS = new Set(['node_modules', 'dist', '.git']);

/**
 * The TypeScript files among the paths and below the folders among them.
 * @throws Error `NO_SUCH_PATH`
 */
export function readSources(paths) {
  const found = new Set(paths.flatMap((path) => (kindOf(path).isDirectory() ? sourcesIn(path) : [path])));
  return [...found].sort().map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

function kindOf(path) {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind) return kind;
  throw new Error(`${path} is no file and no folder; name files or folders, as: src [NO_SUCH_PATH]`);
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : sourcesIn(path);
    return SOURCE.test(entry.name) ? [path] : [];
  });
}
