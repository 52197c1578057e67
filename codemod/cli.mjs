#!/usr/bin/env node
// npx nestjs-floodgate-from-throttler [--write] src
import { writeFileSync } from 'node:fs';
import { unifiedDiff } from './diff.mjs';
import { readSources } from './files.mjs';
import { GUIDE, SECTIONS } from './guide.mjs';
import { migrate } from './migrate.mjs';
import { loadTypeScript } from './typescript.mjs';

const USAGE = `Usage: nestjs-floodgate-from-throttler [--write] <files and folders>

Rewrites an application from @nestjs/throttler. Name all of its source at once, for a limit of the module counts in
every file. Without --write it only shows what it would do.`;

function main(words) {
  const [flags, paths] = [
    words.filter((word) => word.startsWith('-')),
    words.filter((word) => !word.startsWith('-')),
  ];
  const unknown = flags.find((flag) => flag !== '--write' && flag !== '--help');
  if (unknown) throw new Error(`${unknown} is not known\n\n${USAGE}`);
  if (flags.includes('--help') || paths.length === 0) return USAGE;
  const { changes, findings } = migrate(loadTypeScript(process.cwd()), readSources(paths));
  const isWritten = flags.includes('--write');
  if (isWritten) for (const { path, after } of changes) writeFileSync(path, after);
  const diffs = isWritten ? [] : changes.map(({ path, before, after }) => unifiedDiff(path, before, after));
  const [done, todo] = [true, false].map((isDone) => findings.filter((finding) => finding.isDone === isDone));
  return [
    ...diffs,
    ...list('To be known', done),
    ...list('To be done by hand', todo),
    summary(
      changes.map(({ path }) => path),
      isWritten,
    ),
  ].join('\n\n');
}

function list(title, findings) {
  if (findings.length === 0) return [];
  const lines = findings.map(
    ({ path, line, message, section }) => `  ${path}:${line}: ${message}\n    ${GUIDE}#${SECTIONS[section]}`,
  );
  return [[`${title}:`, ...lines].join('\n')];
}

function summary(paths, isWritten) {
  if (paths.length === 0) return 'Nothing to rewrite.';
  if (isWritten) return `Rewritten: ${paths.join(', ')}. Run your formatter and your tests.`;
  return `${paths.length} ${paths.length === 1 ? 'file' : 'files'} would be rewritten. Run it again with --write.`;
}

try {
  console.log(main(process.argv.slice(2)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
