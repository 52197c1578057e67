import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  HttpException,
  HttpStatus,
  Injectable,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { type ClientProxy, ClientProxyFactory } from '@nestjs/microservices';
import type { Decision } from 'nestjs-floodgate';
import { firstValueFrom } from 'rxjs';
import { carrier } from './carrier.js';
import type { Mail } from './limits.js';

const PROGRAM = fileURLToPath(new URL('./mailer.js', import.meta.url));

/** What a caller is told of a refusal, on every carrier. */
interface Refusal {
  readonly code: 'RATE_LIMITED';
  readonly message: string;
  readonly decision: Decision;
}

@Injectable()
export class MailerClient implements OnModuleInit, OnApplicationShutdown {
  private child?: ChildProcess;
  private proxy!: ClientProxy;

  async onModuleInit(): Promise<void> {
    let port = Number(process.env.MAILER_PORT ?? 0);
    if (port === 0) {
      this.child = fork(PROGRAM);
      [port] = (await once(this.child, 'message')) as [number];
    }
    this.proxy = ClientProxyFactory.create(carrier(port));
    await this.proxy.connect();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.proxy.close();
    this.child?.kill();
  }

  async send(mail: Mail): Promise<object> {
    return this.ask('mail', mail);
  }

  async stats(): Promise<object> {
    return this.ask('stats', {});
  }

  sendNewsletter(to: readonly string[]): void {
    this.proxy.emit('newsletter', { to });
  }

  /** @throws HttpException 429 where the mailer refuses */
  private async ask(pattern: string, message: object): Promise<object> {
    try {
      return await firstValueFrom(this.proxy.send<object>(pattern, message));
    } catch (error) {
      throw isRefusal(error) ? tooMany(error) : error;
    }
  }
}

const isRefusal = (error: unknown): error is Refusal => (error as Partial<Refusal>)?.code === 'RATE_LIMITED';

function tooMany({ message, decision: { retryAfterMs } }: Refusal): HttpException {
  return new HttpException({ message, retryAfterMs }, HttpStatus.TOO_MANY_REQUESTS);
}
