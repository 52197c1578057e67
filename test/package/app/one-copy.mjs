// Whoever imports the package and whoever requires it must meet the same classes, or `instanceof` lies to one of them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from 'nestjs-floodgate';

const required = createRequire(import.meta.url)('nestjs-floodgate');

assert.ok('RateLimitModule' in imported);
for (const [name, value] of Object.entries(imported)) {
  if (name !== 'default' && name !== 'module.exports') assert.equal(required[name], value, name);
}
