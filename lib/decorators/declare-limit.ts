import { UseGuards, UseInterceptors } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { RateLimitGuard } from '../guard/rate-limit.guard.js';
import { RateLimitInterceptor } from '../guard/rate-limit.interceptor.js';
import { type Declaration, declare } from '../plan/declarations.js';

/** For a controller or a route. */
export type LimitDecorator = ClassDecorator & MethodDecorator;

/**
 * Declares a policy, and binds guard and interceptor: for gateways and hybrid microservices, which the application's
 * global guards do not reach.
 */
export function declareLimit(declaration: Declaration): LimitDecorator {
  return forHandlers(declaration.decorator, (target, method, descriptor) => {
    declare(target, method, { policy: declaration });
    const subject = (descriptor?.value ?? target) as object;
    if (!bound('__guards__', subject, RateLimitGuard))
      apply(UseGuards(RateLimitGuard), target, method, descriptor);
    if (!bound('__interceptors__', subject, RateLimitInterceptor)) {
      apply(UseInterceptors(RateLimitInterceptor), target, method, descriptor);
    }
  });
}

type Declare = (target: object, method?: string | symbol, descriptor?: PropertyDescriptor) => void;

/** A decorator for classes and instance methods: elsewhere no request arrives. */
export function forHandlers(decorator: string, action: Declare): LimitDecorator {
  return ((target: object, method?: string | symbol, descriptor?: PropertyDescriptor) => {
    const isStatic = method !== undefined && typeof target === 'function';
    // Nest routes to methods with a text for a name; an accessor or a field is none.
    const isMethod = typeof method === 'string' && typeof descriptor?.value === 'function';
    if (isStatic || (method !== undefined && !isMethod)) {
      const owner = isStatic ? (target as unknown as { name: string }).name : target.constructor.name;
      throw new RateLimitError(
        'NOT_A_HANDLER',
        `${owner}.${String(method)}: ${decorator} stands where no request arrives; put it on a route (beside @Get, @Post, …) or its controller`,
      );
    }
    action(target, method, descriptor);
  }) as LimitDecorator;
}

const bound = (key: string, subject: object, enhancer: unknown): boolean =>
  (Reflect.getMetadata(key, subject) as unknown[] | undefined)?.includes(enhancer) ?? false;

function apply(
  decorator: ClassDecorator & MethodDecorator,
  target: object,
  method?: string | symbol,
  descriptor?: PropertyDescriptor,
): void {
  if (method === undefined) (decorator as (target: object) => void)(target);
  else decorator(target, method, descriptor as PropertyDescriptor);
}
