import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { generatedFile, renderScripts } from '../../scripts/generate-scripts.mjs';

it('generated.ts is what the .lua files say', () => {
  const isFresh = readFileSync(generatedFile, 'utf8') === renderScripts();
  expect(isFresh ? 'fresh' : 'stale: run `npm run generate` and commit generated.ts').toBe('fresh');
});
