// The processes of a run, as whoever directs it sees them.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClockStep, Measurement, Order, TakerConfig } from './taker/config.js';

const PROGRAM = fileURLToPath(new URL('./taker/main.js', import.meta.url));

export class Taker {
  /** Rejects when it has ended. */
  private readonly ended: Promise<never>;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`${name} has ended by itself: ${code ?? signal}`);
    });
    this.ended.catch(() => undefined);
  }

  /** Resolves when it listens; rejects where it does not come so far. */
  static async start(config: TakerConfig): Promise<Taker> {
    const child = fork(PROGRAM, [JSON.stringify(config)], { execArgv: ['--expose-gc'] });
    const taker = new Taker(config.name, child);
    await taker.message();
    return taker;
  }

  async tell(order: Order): Promise<unknown> {
    this.child.send(order);
    return ((await this.message()) as { value: unknown }).value;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    await this.tell({ kind: 'stop' });
    const [code] = await ended;
    if (code !== 0) throw new Error(`${this.name} has ended with ${code}`);
  }

  /** Where a run has failed: nobody asks what became of it. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async message(): Promise<unknown> {
    const [message] = await Promise.race([once(this.child, 'message'), this.ended]);
    return message;
  }
}

export class Takers {
  private constructor(private readonly all: readonly Taker[]) {}

  static async boot(configs: readonly TakerConfig[]): Promise<Takers> {
    const started = await Promise.allSettled(configs.map((config) => Taker.start(config)));
    const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = started.find((result) => result.status === 'rejected');
    if (!failed) return new Takers(running);
    for (const taker of running) taker.kill();
    throw failed.reason;
  }

  async start(): Promise<void> {
    await this.tell({ kind: 'start' });
  }

  /** Resolves when all have all their answers. */
  async pause(): Promise<void> {
    await this.tell({ kind: 'pause' });
  }

  async measure(): Promise<Measurement[]> {
    return (await this.tell({ kind: 'measure' })) as Measurement[];
  }

  async step(step: ClockStep): Promise<void> {
    await this.tell({ kind: 'step', ...step });
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((taker) => taker.stop()));
  }

  kill(): void {
    for (const taker of this.all) taker.kill();
  }

  private tell(order: Order): Promise<unknown[]> {
    return Promise.all(this.all.map((taker) => taker.tell(order)));
  }
}
