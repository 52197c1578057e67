import { Injectable } from '@nestjs/common';

/** Stands for a service that bears 10 mails per second. */
@Injectable()
export class MailProvider {
  readonly sent: { readonly to: string; readonly atMs: number }[] = [];

  async send(to: string): Promise<void> {
    this.sent.push({ to, atMs: Math.round(performance.now()) });
  }

  /** How many it was given, and the shortest time between two of them. */
  stats() {
    const gaps = this.sent.slice(1).map(({ atMs }, i) => atMs - this.sent[i]!.atMs);
    return { sent: this.sent.length, closestMs: gaps.length === 0 ? null : Math.min(...gaps) };
  }
}
