import type { ExecutionContext, Type } from '@nestjs/common';
import { classScope } from '../common/class-scope.js';
import { methodName } from '../common/method-name.js';
import { describeKey, type KeyResolver } from './key-resolver.js';

/**
 * The route of the request, named as the policies of its method are: `Cats.find`, or `Cats@2.find` with a version. In
 * `byAll(byIp(), byRoute())` it gives a policy that counts in many places, a global one say, a bucket for each route.
 * Two classes of one name are one here, and a class without a name is the error `NAMELESS_CLASS` at the request.
 */
export function byRoute(): KeyResolver {
  const names = new WeakMap<Type, WeakMap<object, string>>();
  return describeKey('byRoute()', (context) => {
    const [type, handler] = [context.getClass(), context.getHandler()];
    const ofType = names.get(type) ?? new WeakMap<object, string>();
    const known = ofType.get(handler);
    if (known !== undefined) return known;
    const name = nameOf(type, handler);
    names.set(type, ofType.set(handler, name));
    return name;
  });
}

function nameOf(type: Type, handler: ReturnType<ExecutionContext['getHandler']>): string {
  return `${classScope(type, 'byRoute()', handler)}.${methodName(type, handler) ?? handler.name}`;
}
