import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuardedProcess } from '../redis/guarded-process.js';

const READY_WITHIN_MS = 30_000;

/** A Node program that listens, as a process of its own; it says where in a line `Listening on http://…`. */
export class NodeServer {
  private constructor(
    readonly url: string,
    private readonly process: GuardedProcess,
    private readonly folder: string,
  ) {}

  /** `env` comes on top of ours; `undefined` takes a variable away. Rejects with its log when it does not listen. */
  static async start(file: string, env: NodeJS.ProcessEnv = {}): Promise<NodeServer> {
    const folder = await mkdtemp(join(tmpdir(), 'floodgate-node-'));
    const started = await GuardedProcess.start(process.execPath, [file], folder, { ...process.env, ...env });
    try {
      return new NodeServer(await untilItListens(started), started, folder);
    } catch (error) {
      await started.kill();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What it has written so far. */
  log(): string {
    return this.process.log();
  }

  /** Asks it to end, as a supervisor does, and resolves when it has. */
  async terminate(): Promise<void> {
    this.process.signal('SIGTERM');
    while (!this.process.hasExited) await sleep(5);
  }

  /** Ends it and removes its folder; may be called twice, and after `terminate`. */
  async stop(): Promise<void> {
    await this.process.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function untilItListens(started: GuardedProcess): Promise<string> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline && !started.hasExited) {
    const url = /^Listening on (http:[^\s,]+)/m.exec(started.log())?.[1];
    if (url) return url;
    await sleep(10);
  }
  throw new Error(`It does not listen. Its log:\n${started.log()}`);
}
