// The threat model holds together: each threat has a test, and what is installed is all listed.
import { describe, expect, it } from '@jest/globals';
import * as docs from '../support/docs/markdown.js';

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly repository?: { readonly url: string };
}

const page = docs.readPage('docs/security.md');
const manifestOf = (folder: string) => JSON.parse(docs.readSource(`${folder}package.json`)) as Manifest;
const rows = page.prose.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1));
const threats = rows.filter((cells) => cells.length === 3 && !/^-+$|^ who can /.test(cells[0] as string));
const packages = rows.filter((cells) => cells.length === 4 && cells[0]?.startsWith(' `'));

describe('docs/security.md', () => {
  it('has threats, and what is installed', () => {
    expect(threats.length).toBeGreaterThan(15);
    expect(packages.length).toBeGreaterThan(0);
  });

  it('names for each threat a test that is there, and tests something', () => {
    const without = threats.filter((cells) => {
      const named = [...(cells[2] as string).matchAll(/`(test\/\S+\.spec\.ts)`/g)].map(
        ([, path]) => path as string,
      );
      const areThere = named.every(
        (path) => docs.existsInRepository(path) && /\bit(\.each)?\b/.test(docs.readSource(path)),
      );
      return named.length === 0 || !areThere;
    });
    expect(without.map(([threat]) => threat)).toEqual([]);
  });

  it('lists what is installed, as it is installed', () => {
    const installed = Object.keys(manifestOf('').dependencies ?? {}).map((name) => {
      const { version, license, repository } = manifestOf(`node_modules/${name}/`);
      const source = repository?.url
        .replace(/^git\+(ssh:\/\/git@|https:\/\/)/, 'https://')
        .replace(/\.git$/, '');
      return [`\`${name}\` ${version}`, source, license];
    });
    expect(packages.map((cells) => cells.slice(0, 3).map((cell) => cell.trim()))).toEqual(installed);
  });
});
