// Whoever imports the package and whoever requires it must meet the same classes, or `instanceof` lies to one of them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as main from 'nestjs-floodgate';
import * as store from 'nestjs-floodgate/store';
import * as testing from 'nestjs-floodgate/testing';

const require = createRequire(import.meta.url);

assert.ok('RateLimitModule' in main && 'RecordStore' in store && 'RateLimitTesting' in testing);
for (const [path, imported] of Object.entries({ '': main, '/store': store, '/testing': testing })) {
  const required = require(`nestjs-floodgate${path}`);
  for (const [name, value] of Object.entries(imported)) {
    if (name !== 'default' && name !== 'module.exports') assert.equal(required[name], value, name);
  }
}
