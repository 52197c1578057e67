import type { Type } from '@nestjs/common';
import { className } from '../common/class-scope.js';
import { type HandlerKind, kindsOf } from './handler-kind.js';
import type { PlannedHandler } from './handler-plan.js';

/** What is known of an application before it listens. */
export interface Surroundings {
  /** Whether it serves HTTP: then its microservices are connected to it, and have guards of their own. */
  readonly servesHttp: boolean;
  /** What decorators bind to a class or a method: wherever both stand, `global` policies count too. */
  readonly enhancers: { readonly guard: Type; readonly interceptor: Type };
}

/** Handlers at which no limit is decided, though `global` policies are meant for them. */
export interface Unreached {
  readonly kind: HandlerKind;
  readonly handler: PlannedHandler;
  /** Whether it may be reached after all: how a microservice is connected is not known at boot. */
  readonly isUnsure: boolean;
}

/** The message handlers at which neither the guards of the application nor those of decorators decide. */
export async function findUnreached(
  handlers: readonly PlannedHandler[],
  { servesHttp, enhancers }: Surroundings,
): Promise<Unreached[]> {
  const open = handlers.filter(
    (handler) => handler.plan.guard.length + handler.plan.handler.length > 0 && !isBound(handler, enhancers),
  );
  const of = (kind: HandlerKind) =>
    open.filter(({ type, method }) => kindsOf(type.prototype[method]).includes(kind));
  const gateways = of('ws');
  const isReached = gateways.length === 0 || (await gatewaysRunGlobalGuards());
  return [
    ...(isReached ? [] : gateways).map((handler) => ({ kind: 'ws', handler, isUnsure: false }) as const),
    ...(servesHttp ? of('rpc') : []).map((handler) => ({ kind: 'rpc', handler, isUnsure: true }) as const),
  ];
}

const FIX =
  "To limit them all the same, put a decorator on them or on their class, as @RateLimit('name') with a policy of global; else write @SkipRateLimit()";

/** One warning for all of a kind. */
export function reachWarnings(unreached: readonly Unreached[]): string[] {
  const of = (kind: HandlerKind) =>
    unreached
      .filter((one) => one.kind === kind)
      .map(placeOf)
      .join(', ');
  const [gateways, microservices] = [of('ws'), of('rpc')];
  return [
    gateways &&
      `${gateways}: no policy of global counts here, for before NestJS 12 gateways run no global guards. ${FIX}`,
    microservices &&
      `${microservices}: the policies of global count here only if connectMicroservice has { inheritAppConfig: true }, which is not known at boot. ${FIX}`,
  ].filter((warning) => warning !== '');
}

const placeOf = ({ handler: { type, method } }: Unreached): string => `${className(type)}.${method}`;

function isBound(
  { type, method }: PlannedHandler,
  { guard, interceptor }: Surroundings['enhancers'],
): boolean {
  const [ofClass, ofMethod] = [type, type.prototype[method] as object];
  const has = (key: string, enhancer: Type) =>
    [ofClass, ofMethod].some((subject) =>
      (Reflect.getMetadata(key, subject) as unknown[] | undefined)?.includes(enhancer),
    );
  return has('__guards__', guard) && has('__interceptors__', interceptor);
}

/**
 * Whether gateways run the guards of the application: since NestJS 12 they are made with its configuration. Where that
 * cannot be seen, they are taken for such that do.
 */
async function gatewaysRunGlobalGuards(): Promise<boolean> {
  try {
    const { SocketModule } = await import('@nestjs/websockets/socket-module.js');
    const { getContextCreator } = SocketModule.prototype as unknown as {
      getContextCreator?: { length: number };
    };
    return getContextCreator?.length !== 1;
  } catch {
    return true;
  }
}
