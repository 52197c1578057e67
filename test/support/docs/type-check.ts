import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A program of its own, as if it were a file in the root of the repository. */
export interface Snippet {
  readonly name: string;
  readonly code: string;
}

/** What the compiler has against the snippets, all checked in one go with the settings of the repository. */
export function typeErrors(snippets: readonly Snippet[]): string[] {
  const files = new Map(snippets.map(({ name, code }) => [`${root}${name}`, code]));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options, true);
  const { fileExists, readFile } = host;
  const { directoryExists } = ts.sys;
  host.directoryExists = (folder) =>
    directoryExists(folder) || [...files.keys()].some((file) => file.startsWith(`${folder}/`));
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file);
  host.readFile = (file) => files.get(file) ?? readFile.call(host, file);
  const program = ts.createProgram({ rootNames: [...files.keys()], options, host });
  return [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(describe);
  });
}

function compilerOptions(): ts.CompilerOptions {
  const path = `${root}tsconfig.json`;
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  // A snippet shows how a thing is made; what is done with it is left to the reader.
  return { ...options, noUnusedLocals: false, noUnusedParameters: false };
}

function describe({ file, start = 0, messageText }: ts.Diagnostic): string {
  const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  const name = file?.fileName.slice(root.length) ?? '';
  return `${name}, line ${line} of the snippet: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}
