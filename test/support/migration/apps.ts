import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Type } from '@nestjs/common';
import { transformFile } from '@swc/core';

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url));

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** An application that was written for the throttler. */
export function appBefore(name: 'global-app' | 'bound-app'): SourceFile[] {
  return readdirSync(join(here, name)).map((path) => ({
    path,
    text: readFileSync(join(here, name, path), 'utf8'),
  }));
}

/** Writes files into a new folder of the project, where packages are found, and removes it after the action. */
export async function inFolder<T>(files: readonly SourceFile[], action: (folder: string) => Promise<T>) {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'migration-'));
  try {
    for (const { path, text } of files) await writeFile(join(folder, path), text);
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function importModule(folder: string): Promise<Type> {
  return (await import(join(folder, 'app.module.ts'))).AppModule;
}

/** Serves an application in a process of its own: the throttler cannot be loaded by jest beside NestJS 12. */
export async function serve(folder: string): Promise<{ url: string; stop: () => Promise<void> }> {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const { code } = await transformFile(join(folder, file), {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
      module: { type: 'es6' },
    });
    await writeFile(join(folder, file.replace(/\.ts$/, '.js')), code);
  }
  const child = fork(join(here, 'serve.mjs'), [join(folder, 'app.module.js')], { execArgv: [] });
  return { url: await addressOf(child), stop: () => stop(child) };
}

async function addressOf(child: ChildProcess): Promise<string> {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`The application did not start: ${code}`);
  });
  const [url] = (await Promise.race([once(child, 'message'), exited])) as [string];
  exited.catch(() => undefined);
  return url;
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
