import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ProviderClient } from './provider.client.js';

/** How many pages of this process are asked for, or wait for their turn, at a time. */
const WORKERS = 6;

export interface Progress {
  readonly isRunning: boolean;
  readonly total: number;
  readonly done: number;
  /** What the crawl has ended with, if not with its last page. */
  readonly error?: string;
}

@Injectable()
export class Crawler implements OnApplicationBootstrap {
  progress: Progress = { isRunning: false, total: 0, done: 0 };

  constructor(private readonly provider: ProviderClient) {}

  onApplicationBootstrap(): Promise<void> {
    return this.provider.warmUp(WORKERS);
  }

  /** Asks for all pages from one to another. Ends with the first that fails. */
  async crawl(from: number, to: number): Promise<void> {
    this.progress = { isRunning: true, total: to - from + 1, done: 0 };
    const pages = numbers(from, to);
    const failure = new AbortController();
    const workers = Array.from({ length: WORKERS }, () => this.work(pages, failure.signal));
    try {
      await Promise.all(workers);
      this.progress = { ...this.progress, isRunning: false };
    } catch (error) {
      failure.abort(error);
      this.progress = { ...this.progress, isRunning: false, error: String(error) };
    }
  }

  /** All workers take their pages from the same iterator. */
  private async work(pages: Iterable<number>, signal: AbortSignal): Promise<void> {
    for (const page of pages) {
      await this.provider.page(page, signal);
      this.progress = { ...this.progress, done: this.progress.done + 1 };
    }
  }
}

function* numbers(from: number, to: number): Generator<number> {
  for (let number = from; number <= to; number++) yield number;
}
