import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { errorCodes } from '../../lib/errors/codes.js';

const root = new URL('../../', import.meta.url);
const codes = Object.keys(errorCodes).sort();

const page = readFileSync(new URL('docs/errors.md', root), 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

const lib = fileURLToPath(new URL('lib/', root));
const source = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(`${lib}${file}`, 'utf8'))
  .join('\n');

/** What every error of lib/ is made with; undefined where that is no literal. */
const thrown = [...source.matchAll(/new RateLimitError\(\s*(?:'([A-Z_]+)',)?/g)].map(([, code]) => code);

describe('the table of error codes', () => {
  it('is the list of docs/errors.md, section for section', () => {
    expect([...sections.keys()].sort()).toEqual(codes);
  });

  it('is the list at its top, each with a link to its section', () => {
    const links = [...page.matchAll(/^\| \[([A-Z_]+)\]\(#([a-z_]+)\) \| [a-z, ]+ \|$/gm)];
    expect(links.map(([, code]) => code).sort()).toEqual(codes);
    expect(links.filter(([, code, anchor]) => code?.toLowerCase() !== anchor)).toEqual([]);
  });

  it('is the list of what lib/ throws', () => {
    expect([...new Set(thrown)].sort()).toEqual(codes);
  });

  it.each(Object.entries(errorCodes))('says what %s means, in a sentence: %s', (_, meaning) => {
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  });
});

describe('docs/errors.md', () => {
  it.each([...sections])('shows for %s what is wrong and what is right', (_, section) => {
    const [, example] = /```diff\n(.*?)```/s.exec(section) ?? [];
    expect(example).toMatch(/^- /m);
    expect(example).toMatch(/^\+ /m);
  });

  it('links to nothing that is not there', () => {
    const anchors = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading?.toLowerCase());
    expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([]);
  });
});
