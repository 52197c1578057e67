// What the guide shows of the throttler compiles, and the command makes of it what stands beside it.
import { expect, it } from '@jest/globals';
import ts from 'typescript';
import { migrate } from '../../codemod/migrate.mjs';
import * as docs from '../support/docs/markdown.js';
import { type Snippet, typeErrors } from '../support/docs/type-check.js';

const fences = docs.readPage('docs/migrating-from-throttler.md').fences.filter(({ info }) => info === 'diff');

/** One side of the diffs, as the files of one application. */
const side = (sign: '-' | '+'): Snippet[] =>
  fences.map(({ code, line }) => ({
    name: `migrating-${line}.ts`,
    code: `${code
      .split('\n')
      .filter((text) => text === '' || text.startsWith(' ') || text.startsWith(sign))
      .map((text) => text.slice(1))
      .join('\n')}\n`,
  }));

it('either side of a diff compiles', () => {
  expect(fences.length).toBeGreaterThan(1);
  const before = side('-').map(({ name, code }) => ({ name: `before-${name}`, code }));
  const wrong = { name: 'wrong.ts', code: 'export const wrong: string = 1;' };

  expect(typeErrors([...before, ...side('+'), wrong])).toEqual([expect.stringContaining('wrong.ts')]);
});

it('the command makes of one side the other', () => {
  const { changes, findings } = migrate(
    ts,
    side('-').map(({ name, code }) => ({ path: name, text: code })),
  );

  expect(changes.map(({ path, after }) => ({ name: path, code: after }))).toEqual(side('+'));
  expect(findings).toEqual([]);
});
