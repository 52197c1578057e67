// Takes from the known buckets at a steady pace, whatever becomes of the store.
import { Agent, get } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Decision, RateLimiterService } from 'nestjs-floodgate';
import { Random } from '../../support/oracle/scenario.js';
import { limits } from './app.js';
import type { TakerConfig } from './config.js';
import type { Answer, Asked, Diary, Entry, Outcome } from './diary.js';

const TICK_MS = 10;
/** Were the limiter to hang, the machine should not drown: beyond this a request is left out. */
const MOST_PENDING = 500;

type Kind = (load: Load, key: string, user: string) => Promise<void>;

const asked = (policy: keyof typeof limits, key: string): Asked => ({ policy, key, cost: 1 });

/** So many of about a hundred requests each. */
const MIX: readonly [number, Kind][] = [
  [15, (load, key) => load.http(`api/${key}`, [asked('api', key)])],
  [10, (load, key, user) => load.http(`stack/${key}/${user}`, [asked('api', key), asked('user', user)])],
  [8, (load, key) => load.http(`line/${key}`, [asked('line', key)])],
  [7, (load, key) => load.http(`open/${key}`, [asked('open', key)])],
  [5, (load, key) => load.http(`shut/${key}`, [asked('shut', key)])],
  [8, (load, key) => load.http(`ledger/${key}`, [asked('ledger', key)])],
  [13, (load, key) => load.http(`plain/${key}`, [])],
  [18, (load, key) => load.service([asked('ledger', key)])],
  [4, (load, key) => load.service([asked('api', key)])],
  [4, (load, key, user) => load.service([asked('api', key), asked('user', user)])],
];

/** What is taken ahead: a key for which that is done is asked for often, and beside another limit the store decides. */
const AHEAD: typeof MIX = [
  [6, (load, key) => load.burst(asked('ahead', key))],
  [2, (load, key) => load.service([asked('ahead', key), asked('api', key)])],
];
const BURST = 6;

const eachAsOften = (mix: typeof MIX): Kind[] =>
  mix.flatMap(([share, kind]) => new Array<Kind>(share).fill(kind));

export class Load {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly random: Random;
  private readonly kinds: readonly Kind[];
  private timer: NodeJS.Timeout | undefined;
  private due = 0;

  constructor(
    private readonly config: TakerConfig,
    private readonly url: string,
    private readonly limiter: RateLimiterService,
    private readonly diary: Diary,
  ) {
    this.random = new Random(config.seed);
    // While the clock of the store steps, nobody can say for how long what was taken ahead may be spent.
    this.kinds = eachAsOften(config.hasClock ? MIX : [...MIX, ...AHEAD]);
  }

  start(): void {
    if (this.timer) return;
    let last = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      // A process that was stopped does not make up for it.
      this.due += (this.config.perSecond * Math.min(now - last, 10 * TICK_MS)) / 1000;
      last = now;
      for (; this.due >= 1; this.due--) this.one();
    }, TICK_MS);
  }

  pause(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  close(): void {
    this.pause();
    this.agent.destroy();
  }

  async http(path: string, decisions: readonly Asked[]): Promise<void> {
    const entry = this.diary.begin({ via: 'http', asked: decisions });
    await this.settle(entry, async () => {
      const { status, told } = await this.fetch(path);
      // Of a stack that is refused nothing is charged, whatever each limit says for itself.
      const answers = decisions.map((one) => answerTo(one, told, status === 200));
      const waitedMs = status === 200 ? Math.max(0, ...answers.map(({ delayMs }) => delayMs)) : 0;
      return { status, answers, waitedMs };
    });
  }

  async service(decisions: readonly Asked[]): Promise<void> {
    const requests = decisions.map(({ policy, key, cost }) => ({
      ...{ policy: limits[policy as keyof typeof limits], key, cost },
    }));
    const entry = this.diary.begin({ via: 'service', asked: decisions });
    await this.settle(entry, async () => {
      const { allowed, decisions: told } = await this.limiter.consumeAll(requests);
      const answers = decisions.map((one) => answerTo(one, told, allowed));
      return { status: null, answers, waitedMs: 0 };
    });
  }

  async burst(one: Asked): Promise<void> {
    await Promise.all(Array.from({ length: BURST }, () => this.service([one])));
  }

  private one(): void {
    if (this.diary.pending >= MOST_PENDING) return;
    void this.random.pick(this.kinds)(
      this,
      this.random.pick(this.config.keys),
      this.random.pick(this.config.keys),
    );
  }

  private async settle(entry: Entry, ask: () => Promise<Outcome>): Promise<void> {
    try {
      this.diary.end(entry, await ask());
    } catch (error) {
      this.diary.end(entry, { status: null, waitedMs: 0, answers: [], error: String(error) });
    }
  }

  private fetch(path: string): Promise<{ status: number; told: readonly Decision[] }> {
    return new Promise((resolve, reject) => {
      const request = get(`${this.url}/${path}`, { agent: this.agent }, (response) => {
        json(response).then((body) => resolve({ status: response.statusCode!, told: toldBy(body) }), reject);
      });
      request.on('error', reject);
    });
  }
}

/** What a handler returns, or what a refusal tells. An error of another kind tells no decisions. */
const toldBy = (body: unknown): readonly Decision[] =>
  Array.isArray(body) ? body : ((body as { decisions?: Decision[] }).decisions ?? []);

function answerTo({ policy }: Asked, told: readonly Decision[], allowed: boolean): Answer {
  const { source = null, delayMs = 0, retryAfterMs = null } = told.find((one) => one.policy === policy) ?? {};
  return { allowed, source, delayMs, retryAfterMs };
}
