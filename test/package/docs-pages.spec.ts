// The pages hold together: links, paths, scripts and codes that they name are there.
import { describe, expect, it } from '@jest/globals';
import { errorCodes } from '../../lib/errors/codes.js';
import { curlLines } from '../support/docs/curl.js';
import * as docs from '../support/docs/markdown.js';

const pages = docs.pages();

describe.each(pages.map((page) => [page.path, page] as const))('%s', (_, page) => {
  it('links to places that are there', () => {
    expect(docs.brokenLinks(page)).toEqual([]);
  });

  it('names paths that are there', () => {
    const paths = docs
      .inlineCode(page)
      .filter((code) => /^(lib|docs|test|sample|scripts|bench)\/\S*$/.test(code));
    expect(paths.filter((path) => !docs.existsInRepository(path))).toEqual([]);
  });

  it('names scripts that are there', () => {
    const { scripts } = JSON.parse(docs.readSource('package.json')) as { scripts: Record<string, string> };
    const text = [...page.prose, ...page.fences.map(({ code }) => code)].join('\n');
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script!);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  it('names error codes that are there', () => {
    const codes = docs.inlineCode(page).filter((code) => /^[A-Z]+(_[A-Z]+)+$/.test(code));
    const others = ['REDIS_URL', 'NODE_EXTRA_CA_CERTS', 'APP_GUARD', 'APP_FILTER', 'RATE_LIMITED'];
    expect(codes.filter((code) => !(code in errorCodes) && !others.includes(code))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = docs.readPage('README.md');

  it('shows the commands that the sample prints', () => {
    const printed = curlLines(docs.readSource('sample/01-quickstart/src/main.ts'));
    const shown = readme.fences.filter(({ info }) => info === 'sh').flatMap(({ code }) => curlLines(code));
    expect(shown).toHaveLength(3);
    expect(shown).toEqual(printed.map((line) => line.replace(/\$\{url\}/g, 'http://localhost:3000')));
  });

  it('links to every page of docs/', () => {
    const linked = readme.prose.join('\n');
    const missing = pages.filter(({ path }) => path.startsWith('docs/') && !linked.includes(`](${path})`));
    expect(missing.map(({ path }) => path)).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('has a row for every folder of lib/', () => {
    const rows = docs.readPage('docs/architecture.md').prose.filter((line) => line.startsWith('| `'));
    const missing = docs
      .foldersIn('lib')
      .filter((folder) => !rows.some((row) => row.includes(`\`${folder}\``)));
    expect(missing).toEqual([]);
  });
});
