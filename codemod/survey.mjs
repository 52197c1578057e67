// What the files say about the throttler as a whole: its limits, and where its guard stands.
import { isExport, nodesOf } from './sources.mjs';
import { keyText, readThrottler, valueText } from './throttler-options.mjs';
import { rateOf } from './values.mjs';

/** Calls of `ThrottlerModule.forRoot` and `forRootAsync`. */
export function moduleCalls(ts, units, method) {
  return units.flatMap((unit) =>
    [...nodesOf(ts, unit.source)]
      .filter((node) => isModuleCall(ts, unit, node, method))
      .map((node) => ({ unit, node })),
  );
}

const isModuleCall = (ts, unit, node, method) =>
  ts.isCallExpression(node) &&
  ts.isPropertyAccessExpression(node.expression) &&
  node.expression.name.text === method &&
  isExport(ts, unit, node.expression.expression, 'ThrottlerModule');

/**
 * The list of throttlers of a call, and the options beside it.
 * @returns {{ list?: import('typescript').ArrayLiteralExpression, options?: import('typescript').ObjectLiteralExpression,
 *   throttlers: import('./throttler-options.mjs').Throttler[] } | undefined} undefined where it is known only when it runs
 */
export function readModuleCall(ts, unit, { arguments: [argument] }) {
  if (argument === undefined) return { throttlers: [] };
  const options = ts.isObjectLiteralExpression(argument) ? argument : undefined;
  const list = options ? listIn(ts, options) : argument;
  if (list === undefined || !ts.isArrayLiteralExpression(list)) return undefined;
  const throttlers = list.elements.map((element) => readThrottler(ts, unit, element));
  const isKnown = throttlers.every((one) => one && rateOf(one.limit, one.ttl) !== undefined);
  return isKnown ? { list, options, throttlers } : undefined;
}

function listIn(ts, options) {
  const named = options.properties.find((property) => property.name?.getText() === 'throttlers');
  const others = options.properties.every(
    (property) => ts.isPropertyAssignment(property) || ts.isMethodDeclaration(property),
  );
  return named && others && ts.isPropertyAssignment(named) ? named.initializer : undefined;
}

/**
 * The limits by name, with what a route that overrides one still takes from it. Undefined where they are not known: no
 * static call of forRoot among the files, or several.
 */
export function surveyLimits(ts, units) {
  const calls = moduleCalls(ts, units, 'forRoot');
  const [call] = calls;
  const known = calls.length === 1 ? readModuleCall(ts, call.unit, call.node) : undefined;
  if (known === undefined) return undefined;
  return new Map(
    known.throttlers.map(({ name = 'default', limit, ttl, properties }) => {
      const [skip, tracker] = [properties.get('skipIf'), properties.get('getTracker')];
      const extras = [];
      if (tracker) extras.push({ option: 'getTracker', text: `key: ${keyText(call.unit, tracker)}` });
      if (skip) extras.push({ option: 'skipIf', text: `skip: ${valueText(call.unit, skip)}` });
      return [name, { limit, ttl, extras }];
    }),
  );
}

/** Whether every module of the throttler that these files import can be rewritten, and there is one. */
export function isModuleTranslatable(ts, units) {
  const calls = moduleCalls(ts, units, 'forRoot');
  const isReadable = calls.every(({ unit, node }) => readModuleCall(ts, unit, node) !== undefined);
  return calls.length > 0 && isReadable && moduleCalls(ts, units, 'forRootAsync').length === 0;
}

/** Whether a guard of the throttler, or one that extends it, is bound to the whole application. */
export function isBoundGlobally(ts, units, files) {
  const own = guardsOfTheirOwn(ts, units);
  const guards = new Set([
    ...units.flatMap(({ names }) =>
      [...names].flatMap(([local, name]) => (name === 'ThrottlerGuard' ? local : [])),
    ),
    ...own,
  ]);
  if (units.some((unit) => providesGuard(ts, unit))) return true;
  const isGuard = (name) => guards.has(name);
  return files.some(({ text }) => {
    // Of a provider whatever it names: what it makes its guard of may be a factory.
    const provided = text.match(/\{[^{}]*\bprovide\s*:\s*APP_GUARD\b[^{}]*\}/g) ?? [];
    const used = text.match(/\buseGlobalGuards\([^;]*\)/g) ?? [];
    return [...provided, ...used].some((code) => code.match(/\w+/g).some(isGuard));
  });
}

const providesGuard = (ts, unit) =>
  [...nodesOf(ts, unit.source)].some((node) => isGuardProvider(ts, unit, node));

/** `{ provide: APP_GUARD, useClass: ThrottlerGuard }`, however it is written. */
export function isGuardProvider(ts, unit, element) {
  if (!ts.isObjectLiteralExpression(element)) return false;
  const values = Object.fromEntries(
    element.properties.map(({ name, initializer }) => [name?.getText(), initializer]),
  );
  return values.provide?.getText() === 'APP_GUARD' && isExport(ts, unit, values.useClass, 'ThrottlerGuard');
}

function guardsOfTheirOwn(ts, units) {
  return units.flatMap((unit) =>
    [...nodesOf(ts, unit.source)]
      .filter((node) => ts.isClassDeclaration(node) && node.name && extendsGuard(ts, unit, node))
      .map((node) => node.name.text),
  );
}

const extendsGuard = (ts, unit, node) =>
  node.heritageClauses?.some(({ types }) =>
    types.some(({ expression }) => isExport(ts, unit, expression, 'ThrottlerGuard')),
  );
