// `ThrottlerModule.forRoot(…)` becomes `RateLimitModule.forRoot(…)`, edited in place.
import { applyWithin, indentAt, insertFirst, removeFromList } from './edits.mjs';
import { propertiesOf } from './sources.mjs';
import { moduleCalls, readModuleCall } from './survey.mjs';
import { bucketText, keyText, valueText } from './throttler-options.mjs';
import { staticNumber } from './values.mjs';

/** The throttler counts each route by itself. */
const PER_ROUTE = 'key: byAll(byIp(), byRoute())';
/** Clients that read X-RateLimit-* go on reading it. */
const HEADERS = "headers: 'legacy'";

export function translateModules(world, units) {
  const { ts } = world;
  const leave = (unit, node, message, section) => {
    world.todo(unit, node, message, section);
    unit.reported.add(node.expression.expression);
  };
  for (const { unit, node } of moduleCalls(ts, units, 'forRoot')) {
    const call = readModuleCall(ts, unit, node);
    if (call !== undefined) translateCall(world, unit, node, call);
    else leave(unit, node, 'the limits are known only when this runs', 'dynamic');
  }
  for (const { unit, node } of moduleCalls(ts, units, 'forRootAsync')) {
    leave(unit, node, `write RateLimitModule.forRootAsync, with ${PER_ROUTE} in what it returns`, 'async');
  }
}

function translateCall(world, unit, node, { list, options, throttlers }) {
  const buckets = throttlers.map((throttler) => bucketEdit(world, unit, throttler));
  unit.needs.add('RateLimitModule');
  if (throttlers.length > 0) unit.needs.add('tokenBucket');
  const name = node.expression.expression;
  const renamed = { start: name.getStart(unit.source), end: name.end, text: 'RateLimitModule' };
  const rest = options || !list ? buckets : [wrapped(world, unit, node, list, buckets)];
  const edits = [renamed, ...rest, ...(options ? optionEdits(world, unit, options) : [])];
  const range = { start: node.getStart(unit.source), end: node.end };
  unit.edits.push({ ...range, text: applyWithin(unit.text, range, edits) });
}

function bucketEdit(world, unit, throttler) {
  const extras = throttler.name === undefined ? ["name: 'default'"] : [];
  const text = `tokenBucket(${bucketText(world, unit, throttler, { ...throttler, extras })})`;
  return { start: throttler.node.getStart(unit.source), end: throttler.node.end, text };
}

/** A list alone becomes an object that has it. */
function wrapped(world, unit, node, list, buckets) {
  unit.needs.add('byAll').add('byIp').add('byRoute');
  const indent = indentAt(unit.text, node.getStart(unit.source));
  const inner = `\n${indent}  `;
  const range = { start: list.getStart(unit.source), end: list.end };
  const text = applyWithin(unit.text, range, buckets);
  // One step deeper, but for what stands in a template, where white space counts.
  const deeper = text.includes('`') ? text : text.replaceAll(/\n(?=[^\r\n])/g, '\n  ');
  const lines = [PER_ROUTE, HEADERS, `${listName(world)}: ${deeper}`];
  return { ...range, text: `{${lines.map((line) => `${inner}${line},`).join('')}\n${indent}}` };
}

const listName = ({ isGlobal }) => (isGlobal ? 'global' : 'policies');

function optionEdits(world, unit, options) {
  const { ts } = world;
  const properties = propertiesOf(ts, options);
  const added = [];
  const removed = new Set();
  const edits = [];
  const replace = (node, text) => edits.push({ start: node.getStart(unit.source), end: node.end, text });
  const { key, headers } = moduleDefaults(world, unit, properties, { removed, replace });
  if (key) added.push(key);
  if (headers) added.push(headers);
  replace(properties.get('throttlers').name, listName(world));
  renameSkip(world, unit, properties, replace);
  for (const [name, section] of [
    ['storage', 'storage'],
    ['generateKey', 'key'],
    ['ignoreUserAgents', 'skipIf'],
  ]) {
    const property = properties.get(name);
    if (property)
      world.todo(unit, property, `${name} has no counterpart and stays until you decide`, section);
  }
  translateMessage(world, unit, properties.get('errorMessage'), replace);
  edits.push(...removeFromList(options.properties, removed));
  edits.push(insertFirst(unit.text, options.properties[0], added));
  return edits;
}

/** Who is limited where a policy does not say it, and which headers there are. */
function moduleDefaults({ ts, todo }, unit, properties, { removed, replace }) {
  const [tracker, prefix, setHeaders] = ['getTracker', 'ipv6SubnetPrefix', 'setHeaders'].map((name) =>
    properties.get(name),
  );
  unit.needs.add('byAll').add('byRoute');
  let key;
  if (tracker && ts.isPropertyAssignment(tracker)) replace(tracker, `key: ${keyText(unit, tracker)}`);
  else {
    const bits = prefix && staticNumber(ts, unit.names, prefix.initializer);
    unit.needs.add('byIp');
    key = bits === undefined ? PER_ROUTE : `key: byAll(byIp({ ipv6Prefix: ${bits} }), byRoute())`;
    if (bits === undefined && prefix)
      todo(unit, prefix, 'ipv6SubnetPrefix is the option ipv6Prefix of byIp', 'key');
    else if (prefix) removed.add(prefix);
    if (tracker) todo(unit, tracker, 'getTracker is a method here; write it as the option key', 'key');
  }
  const shown = valueText(unit, setHeaders);
  if (shown === 'true' || shown === 'false') removed.add(setHeaders);
  else if (setHeaders) todo(unit, setHeaders, 'setHeaders is the option headers', 'headers');
  return { key, headers: shown === 'false' ? "headers: 'none'" : HEADERS };
}

/** A text stays a text; a function is asked something else here. */
function translateMessage({ ts, todo }, unit, property, replace) {
  if (property === undefined) return;
  const isText = ts.isPropertyAssignment(property) && ts.isStringLiteralLike(property.initializer);
  if (isText) replace(property, `refusal: { message: ${valueText(unit, property)} }`);
  else
    todo(
      unit,
      property,
      'errorMessage is the option refusal, whose functions are given a refusal',
      'refusal',
    );
}

/** The module's own counts where a throttler has none; ours is asked beside that of a policy. */
function renameSkip({ ts, limits, todo }, unit, properties, replace) {
  const skip = properties.get('skipIf');
  if (skip === undefined) return;
  const isOverridden = [...(limits?.values() ?? [])].some(({ extras }) =>
    extras.some(({ option }) => option === 'skipIf'),
  );
  if (ts.isPropertyAssignment(skip) && !isOverridden) replace(skip.name, 'skip');
  else todo(unit, skip, 'skip of the module is asked beside that of a policy, not instead of it', 'skipIf');
}
