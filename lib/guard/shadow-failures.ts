import { Logger } from '@nestjs/common';
import type { PlannedPolicy } from '../plan/handler-plan.js';

/** What goes wrong with policies in shadow mode must fail no request: each is told once. */
export class ShadowFailures {
  private readonly told = new WeakSet<PlannedPolicy>();

  noteAll(asked: readonly PlannedPolicy[], error: unknown): undefined {
    for (const planned of asked) this.note(planned, error);
  }

  note(planned: PlannedPolicy, error: unknown): undefined {
    if (this.told.has(planned)) return;
    this.told.add(planned);
    new Logger('RateLimitModule').error(
      `${planned.place}: '${planned.id}' is in shadow mode and could not be evaluated (told once); enforced, it would fail the request: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
