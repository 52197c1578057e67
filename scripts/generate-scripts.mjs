// Turns lib/stores/redis/scripts/*.lua into the committed module generated.ts, so that nothing reads a file at run time.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../lib/stores/redis/scripts/', import.meta.url);
const INCLUDE = /^-- @include (\S+)$/gm;

const source = (name) => readFileSync(new URL(name, folder), 'utf8');
const resolve = (name) => source(name).replace(INCLUDE, (_, path) => source(path).trimEnd());

function render(file) {
  const lua = resolve(file);
  const hash = createHash('sha1').update(lua).digest('hex').slice(0, 12);
  const name = file.replace('.lua', '');
  return `export const ${name}Script = {\n  name: ${JSON.stringify(`floodgate:${name}:${hash}`)},\n  lua: ${JSON.stringify(lua)},\n} as const;\n`;
}

/** The text that generated.ts must have. */
export function renderScripts() {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort();
  return [
    '// Generated from the .lua files beside it by `npm run generate`. Do not edit.\n',
    ...files.map(render),
  ].join('\n');
}

export const generatedFile = new URL('generated.ts', folder);

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(generatedFile, renderScripts());
