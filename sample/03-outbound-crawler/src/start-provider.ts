import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./provider.js', import.meta.url));

/** Starts the provider as a child process on a free port, which it says in its first message. */
export async function startProvider(): Promise<{ url: string; child: ChildProcess }> {
  const child = fork(PROGRAM);
  const [url] = await once(child, 'message');
  return { url, child };
}
