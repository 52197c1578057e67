import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * The TypeScript of the project in which the command runs: the one that compiles these files.
 * @throws Error `TYPESCRIPT_MISSING`, `TYPESCRIPT_UNKNOWN`
 */
export function loadTypeScript(folder) {
  const require = createRequire(join(folder, 'package.json'));
  const ts = load(require, folder);
  if (typeof ts.createSourceFile === 'function') return ts;
  throw new Error(
    `typescript ${ts.version} in ${folder} has no API to read a file with; run this with TypeScript 5 or 6: npm install --no-save typescript@5 [TYPESCRIPT_UNKNOWN]`,
  );
}

function load(require, folder) {
  try {
    return require('typescript');
  } catch (error) {
    throw new Error(
      `typescript is not installed in ${folder}, and it reads the files; run: npm install --save-dev typescript [TYPESCRIPT_MISSING]`,
      { cause: error },
    );
  }
}
