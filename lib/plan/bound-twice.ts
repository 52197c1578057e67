import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { limitableClasses } from './boot-check.js';
import { isHandler, kindsOf } from './handler-kind.js';

interface Taken {
  readonly key: string;
  readonly subject: object;
  /** What stood there itself; undefined: it was inherited. */
  readonly before: unknown[] | undefined;
}

/**
 * Routes are reached by what the module binds to the whole application, so what decorators bind to them once more would
 * run in vain at each request. It is taken from them while Nest binds the routes, and then given back: another application
 * of the process may have the same classes.
 */
export class BoundTwice {
  private readonly taken: Taken[] = [];

  constructor(private readonly enhancers: { readonly guard: Type; readonly interceptor: Type }) {}

  take(modules: ModulesContainer): void {
    for (const { type, methods } of limitableClasses(modules)) {
      const handlers = methods.map((method) => type.prototype[method]).filter(isHandler);
      const routes = handlers.filter((handler) => kindsOf(handler).join() === 'http');
      if (routes.length > 0 && routes.length === handlers.length) this.takeFrom(type);
      for (const route of routes) this.takeFrom(route);
    }
  }

  giveBack(): void {
    for (const { key, subject, before } of this.taken.splice(0).reverse()) {
      if (before === undefined) Reflect.deleteMetadata(key, subject);
      else Reflect.defineMetadata(key, before, subject);
    }
  }

  private takeFrom(subject: object): void {
    this.takeOne('__guards__', subject, this.enhancers.guard);
    this.takeOne('__interceptors__', subject, this.enhancers.interceptor);
  }

  private takeOne(key: string, subject: object, enhancer: Type): void {
    const bound: unknown[] = Reflect.getMetadata(key, subject) ?? [];
    if (!bound.includes(enhancer)) return;
    this.taken.push({ key, subject, before: Reflect.getOwnMetadata(key, subject) });
    const others = bound.filter((one) => one !== enhancer);
    Reflect.defineMetadata(key, others, subject);
  }
}
