import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type Awaitable, chain } from '../common/awaitable.js';
import type { RateLimitEngine } from './engine.js';
import { findEngine } from './find-engine.js';

/** Decides the guard stage. Bound by the module and by the decorators: the first to run decides. */
@Injectable()
export class RateLimitGuard implements CanActivate, OnModuleInit {
  private engine?: RateLimitEngine;

  // Nothing but ModuleRef, so that a unit test of a decorated controller compiles without the module.
  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    this.engine = findEngine(this.moduleRef);
  }

  canActivate(context: ExecutionContext): Awaitable<boolean> {
    // Where Nest has not made the guard itself, or its module is loaded lazily, there was no `onModuleInit`.
    this.engine ??= findEngine(this.moduleRef);
    return chain(this.engine.decide(context, 'guard'), () => true);
  }
}
