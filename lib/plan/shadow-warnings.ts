import type { PolicyRegistry } from '../limiter/policy-registry.js';

/** What looks limited, and is not. */
export function shadowWarnings({ inShadow }: PolicyRegistry): string[] {
  if (inShadow.length === 0) return [];
  const names = inShadow.map((name) => `'${name}'`).join(', ');
  return [`In shadow mode, evaluated and recorded but never enforced: ${names}.`];
}
