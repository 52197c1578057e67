import type { Type } from '@nestjs/common';

/** The name of a handler as its class knows it; the function's own name may be that of a wrapper. */
export function methodName(type: Type, handler: { readonly name: string }): string {
  for (let prototype = type.prototype; prototype; prototype = Object.getPrototypeOf(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (value === handler) return name;
    }
  }
  return handler.name;
}
