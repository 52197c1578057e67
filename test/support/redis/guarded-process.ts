// A child process with a log file and a folder of its own, which never outlives this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * A sibling of the process. Its standard input is a pipe from us, which the kernel closes when we end, however we
 * end (SIGKILL too; and a listener of `process.on('exit')` is never called inside jest's sandbox). A line on the pipe
 * says that the process is gone already: then its pid may be someone else's by now and must not be touched.
 */
const WATCHDOG = 'read -r _ || { kill -s KILL -- "-$1"; rm -rf "$2"; }';

export class GuardedProcess {
  readonly pid: number;
  private readonly exited: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    this.pid = child.pid!;
    this.exited = new Promise((resolve) => child.once('exit', () => resolve()));
    // A test that forgets to stop its server must not keep jest from ending: the watchdog stops it then.
    child.unref();
    this.guard();
  }

  /** Rejects when the program cannot be started. */
  static async start(
    program: string,
    args: string[],
    folder: string,
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<GuardedProcess> {
    const log = openSync(logFile(folder), 'a');
    // The leader of a process group of its own: so Ctrl-C in the terminal ends us, then the watchdog ends it and
    // tidies up; and a wrapper script that forks where it should exec is ended together with its server.
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    // Without a pid the start has failed and the reason follows as an event.
    if (child.pid === undefined) throw await new Promise((resolve) => child.once('error', resolve));
    return new GuardedProcess(child, folder);
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  log(): string {
    return readFileSync(logFile(this.folder), 'utf8');
  }

  signal(name: NodeJS.Signals): void {
    if (!this.child.kill(name)) throw new Error(`process ${this.pid} has ended: it cannot receive ${name}`);
  }

  /** SIGKILL, which ends a stopped process too; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.hasExited) return;
    this.child.ref();
    process.kill(-this.pid, 'SIGKILL');
    await this.exited;
  }

  private guard(): void {
    const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', String(this.pid), this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const pipe = watchdog.stdin as Socket;
    watchdog.unref();
    pipe.unref();
    pipe.on('error', () => {}); // somebody ended the watchdog: then nobody needs the line
    this.child.once('exit', () => pipe.end('\n'));
  }
}

function logFile(folder: string): string {
  return join(folder, 'server.log');
}
