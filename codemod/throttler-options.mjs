// The options of one throttler, as forRoot and @Throttle have them, become the options of a token bucket.
import { applyWithin, insertFirst, removeFromList } from './edits.mjs';
import { propertiesOf } from './sources.mjs';
import { rateOf, staticNumber } from './values.mjs';

/** Where the guide tells of an option that has no counterpart here. */
const WITHOUT_COUNTERPART = {
  blockDuration: 'block',
  ignoreUserAgents: 'skipIf',
  generateKey: 'key',
  setHeaders: 'headers',
};

/**
 * @typedef {object} Throttler what an object of options says
 * @property {import('typescript').ObjectLiteralExpression} node
 * @property {Map<string, import('typescript').ObjectLiteralElementLike>} properties
 * @property {number | undefined} limit
 * @property {number | undefined} ttl in milliseconds
 * @property {string | undefined} name
 */

/** @returns {Throttler | undefined} undefined where something in it is known only when it runs */
export function readThrottler(ts, unit, node) {
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const properties = propertiesOf(ts, node);
  if (properties === undefined) return undefined;
  const numbers = { limit: undefined, ttl: undefined };
  for (const option of ['limit', 'ttl']) {
    const property = properties.get(option);
    if (property === undefined) continue;
    numbers[option] = ts.isPropertyAssignment(property)
      ? staticNumber(ts, unit.names, property.initializer)
      : undefined;
    if (numbers[option] === undefined) return undefined;
  }
  const name = properties.get('name');
  if (name && !(ts.isPropertyAssignment(name) && ts.isStringLiteralLike(name.initializer))) return undefined;
  return { node, properties, ...numbers, name: name?.initializer.text };
}

/**
 * The object as options of `tokenBucket`, edited in place. What has no counterpart stays, so that neither the compiler nor
 * the boot accepts it before somebody has decided.
 * @param {{ limit: number, ttl: number, extras?: string[] }} known what is in force, and what to add in front
 */
export function bucketText(world, unit, { node, properties }, { limit, ttl, extras = [] }) {
  const { ts } = world;
  const edits = [];
  const replace = (property, text) =>
    edits.push({ start: property.getStart(unit.source), end: property.end, text });
  const numbers = {
    limit: `capacity: ${valueText(unit, properties.get('limit')) ?? limit}`,
    ttl: `rate: ${rateOf(limit, ttl)}`,
  };
  const written = Object.keys(numbers).filter((name) => properties.has(name));
  const both = Object.values(numbers).join(', ');
  const added = written.length === 0 ? [...extras, both] : extras;
  for (const name of written) replace(properties.get(name), written.length === 1 ? both : numbers[name]);
  for (const [name, property] of properties) translateOption(world, unit, name, property, replace);
  const removed = withoutBlock(ts, unit, properties);
  if (removed.size === node.properties.length) return `{ ${added.join(', ')} }`;
  edits.push(...removeFromList(node.properties, removed));
  edits.push(insertFirst(unit.text, node.properties[0], added));
  return applyWithin(unit.text, { start: node.getStart(unit.source), end: node.end }, edits);
}

function translateOption(world, unit, name, property, replace) {
  const { ts } = world;
  if (name === 'skipIf' && ts.isPropertyAssignment(property)) {
    replace(property, `skip: ${valueText(unit, property)}`);
  } else if (name === 'getTracker' && ts.isPropertyAssignment(property)) {
    unit.needs.add('byAll').add('byRoute');
    replace(property, `key: ${keyText(unit, property)}`);
  } else if (name in WITHOUT_COUNTERPART && !blocksNot(ts, unit, name, property)) {
    world.todo(
      unit,
      property,
      `${name} has no counterpart and stays until you decide`,
      WITHOUT_COUNTERPART[name],
    );
  } else if (name === 'skipIf' || name === 'getTracker') {
    world.todo(unit, property, `${name} is a method here; write it as an option of the policy`, 'key');
  }
}

/** `blockDuration: 0` is what a bucket does anyway. */
const blocksNot = (ts, unit, name, property) =>
  name === 'blockDuration' &&
  ts.isPropertyAssignment(property) &&
  staticNumber(ts, unit.names, property.initializer) === 0;

function withoutBlock(ts, unit, properties) {
  const block = properties.get('blockDuration');
  return new Set(block && blocksNot(ts, unit, 'blockDuration', block) ? [block] : []);
}

/** A tracker is asked for the request, and may want the context; a key is asked for the context. */
export function keyText(unit, property) {
  const tracker = valueText(unit, property);
  const wantsContext = (property.initializer.parameters?.length ?? 2) > 1;
  const given = `context.switchToHttp().getRequest()${wantsContext ? ', context' : ''}`;
  return `byAll((context) => (${tracker})(${given}), byRoute())`;
}

export const valueText = (unit, property) => property?.initializer?.getText(unit.source);
