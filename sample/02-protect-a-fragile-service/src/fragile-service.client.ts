import type { ChildProcess } from 'node:child_process';
import { HttpException, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { startFragileService } from './start-fragile-service.js';

@Injectable()
export class FragileServiceClient implements OnModuleInit, OnApplicationShutdown {
  url = process.env.FRAGILE_URL;
  private child?: ChildProcess;

  async onModuleInit(): Promise<void> {
    if (!this.url) ({ url: this.url, child: this.child } = await startFragileService());
    // The boot fails when nobody is there; and the first order does not pay for loading `fetch`.
    await (await fetch(`${this.url}/stats`)).json();
  }

  onApplicationShutdown(): void {
    this.child?.kill();
  }

  /** What the service said; a refusal of its own is passed on as it is. */
  async store(): Promise<object> {
    const response = await fetch(`${this.url}/store`, { method: 'POST' });
    const body = (await response.json()) as object;
    if (!response.ok) throw new HttpException(body, response.status);
    return body;
  }
}
