import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompiledLib } from '../support/compiled-lib.js';

let lib: CompiledLib;
beforeAll(async () => {
  lib = await CompiledLib.create();
});
afterAll(() => lib.remove());

it('a subscriber that throws is a matter of the process, and of no caller', async () => {
  const program = new URL('../support/processes/listener.mjs', import.meta.url).pathname;
  const asked = JSON.stringify({ lib: lib.folder });
  const { stdout } = await promisify(execFile)(process.execPath, [program, asked]);

  expect(JSON.parse(stdout)).toEqual({
    shadows: ['admitted', 'refused'],
    uncaught: ['a subscriber has thrown', 'a subscriber has thrown'],
  });
});
