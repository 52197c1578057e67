// The decorators of the throttler on a class or a method, and what they say.
import { isExport, propertiesOf } from './sources.mjs';
import { readThrottler } from './throttler-options.mjs';

/**
 * @typedef {object} Declared what stands on a class or a method
 * @property {import('typescript').Decorator[]} decorators those that could be read, in the order of the source
 * @property {Map<string, boolean>} skips
 * @property {Map<string, import('./throttler-options.mjs').Throttler>} overrides
 * @property {import('typescript').Decorator | undefined} guard `@UseGuards` with the throttler's guard
 * @property {string[]} comments that would be lost with what surrounds the options
 */

/** @returns {Declared} */
export function readDecorators(world, unit, node) {
  const { ts } = world;
  const declared = { decorators: [], skips: new Map(), overrides: new Map(), guard: undefined, comments: [] };
  for (const decorator of decoratorsOf(ts, node)) {
    const call = decorator.expression;
    if (!ts.isCallExpression(call)) continue;
    if (ts.isIdentifier(call.expression) && call.expression.text === 'UseGuards') {
      if (call.arguments.some((guard) => isExport(ts, unit, guard, 'ThrottlerGuard')))
        declared.guard = decorator;
    }
    const isRead =
      (isExport(ts, unit, call.expression, 'Throttle') && readOverrides(world, unit, call, declared)) ||
      (isExport(ts, unit, call.expression, 'SkipThrottle') && readSkips(ts, call, declared));
    if (isRead) declared.decorators.push(decorator);
  }
  return declared;
}

function decoratorsOf(ts, node) {
  if (ts.canHaveDecorators) return (ts.canHaveDecorators(node) && ts.getDecorators(node)) || [];
  return node.decorators ?? [];
}

/** `@Throttle({ default: { limit, ttl } })`; false where it is known only when it runs. */
function readOverrides({ ts }, unit, { arguments: [argument] }, { overrides, comments }) {
  const properties = argument && ts.isObjectLiteralExpression(argument) && propertiesOf(ts, argument);
  if (!properties) return false;
  const read = [...properties].map(([name, property]) => [
    name,
    ts.isPropertyAssignment(property) ? readThrottler(ts, unit, property.initializer) : undefined,
  ]);
  if (read.some(([, throttler]) => throttler === undefined)) return false;
  for (const [name, throttler] of read) overrides.set(name, throttler);
  for (const property of properties.values()) {
    for (const { pos, end } of ts.getLeadingCommentRanges(unit.text, property.pos) ?? []) {
      comments.push(unit.text.slice(pos, end));
    }
  }
  return true;
}

/** `@SkipThrottle({ short: true, long: false })`, or none, which means the throttler without a name. */
function readSkips(ts, { arguments: [argument] }, { skips }) {
  if (argument === undefined) {
    skips.set('default', true);
    return true;
  }
  const properties = ts.isObjectLiteralExpression(argument) && propertiesOf(ts, argument);
  if (!properties) return false;
  const { TrueKeyword, FalseKeyword } = ts.SyntaxKind;
  const kinds = [...properties].map(([name, property]) => [name, property.initializer?.kind]);
  if (kinds.some(([, kind]) => kind !== TrueKeyword && kind !== FalseKeyword)) return false;
  for (const [name, kind] of kinds) skips.set(name, kind === TrueKeyword);
  return true;
}
