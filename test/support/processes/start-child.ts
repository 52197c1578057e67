import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a program of this folder with a configuration, and waits for its first message: that it is ready. */
export async function startChild(program: string, config: object): Promise<ChildProcess> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = fork(file, [JSON.stringify(config)], { execArgv: [] });
  await once(child, 'message');
  return child;
}
