import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Observable } from 'rxjs';
import type { RateLimitEngine } from './engine.js';
import { findEngine } from './find-engine.js';
import { currentLedger } from './ledger.js';
import { whenEnded } from './when-ended.js';

/** Decides the handler stage, after every guard, lets the request wait for its slot, and settles what it has cost. */
@Injectable()
export class RateLimitInterceptor implements NestInterceptor, OnModuleInit, OnModuleDestroy {
  private engine?: RateLimitEngine;

  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    this.engine = findEngine(this.moduleRef);
  }

  /**
   * Ours is the last module to learn of a shutdown (since Nest 11), and others wait for their requests before that: so
   * the first interceptor to learn of it ends the waits.
   */
  onModuleDestroy(): void {
    this.engine?.close();
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    // Where Nest has not made the interceptor itself, or its module is loaded lazily, there was no `onModuleInit`.
    this.engine ??= findEngine(this.moduleRef);
    const { engine } = this;
    const ledger = await engine.decide(context, 'handler');
    if (ledger !== undefined) await engine.turn(context, ledger);
    // A request that is made inside another must not find the other's decisions.
    else if (currentLedger.getStore() === undefined) return next.handle();
    const handled = currentLedger.run(ledger, () => next.handle());
    if (!ledger?.hasReserved) return handled;
    return whenEnded(
      handled,
      ledger.ending.watch((outcome) => engine.settle(context, ledger, outcome)),
    );
  }
}
