import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const read = (name: string) => readFileSync(join(process.cwd(), 'bench', name), 'utf8');

interface Locked {
  packages: Record<string, { version?: string; resolved?: string; dependencies?: Record<string, string> }>;
}

describe('the package of the benchmark', () => {
  const { dependencies, private: isPrivate } = JSON.parse(read('package.json'));
  const { packages } = JSON.parse(read('package-lock.json')) as Locked;

  it('is never published', () => {
    expect(isPrivate).toBe(true);
  });

  it.each(Object.entries<string>(dependencies))('pins %s to one version: %s', (name, version) => {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(packages[`node_modules/${name}`]?.version).toBe(version);
  });

  it('is locked as it is written', () => {
    expect(packages['']?.dependencies).toEqual(dependencies);
  });

  it('names no host of a registry', () => {
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
    expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true');
  });
});
