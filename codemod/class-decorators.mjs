// `@Throttle`, `@SkipThrottle` and `@UseGuards(ThrottlerGuard)` of a class and its methods, in the terms of this package:
// an overridden limit is skipped, and a bucket of the place stands for it.
import { readDecorators } from './read-decorators.mjs';
import { replaceDecorators } from './replace-decorators.mjs';
import { nodesOf } from './sources.mjs';
import { bucketText } from './throttler-options.mjs';
import { rateOf } from './values.mjs';

export function translateDecorators(world, unit) {
  for (const node of nodesOf(world.ts, unit.source))
    if (world.ts.isClassLike(node)) translateClass(world, unit, node);
}

function translateClass(world, unit, node) {
  const onClass = readDecorators(world, unit, node);
  const methods = node.members.map((member) => readDecorators(world, unit, member));
  const overridden = overriddenNames(node, onClass, methods);
  const context = {
    world,
    unit,
    onClass,
    overridden,
    isBound: world.isGlobal || onClass.guard !== undefined,
    isBoundBelow: methods.some(({ guard }) => guard !== undefined),
  };
  const ofClass = classLines(context);
  replace(context, onClass, ofClass);
  for (const declared of methods) {
    replace(context, declared, methodLines({ ...context, alreadySkipped: ofClass?.skipped ?? [] }, declared));
  }
  if (node.heritageClauses?.length && onClass.overrides.size > 0) {
    const message = 'limits of a class are inherited beside those of its subclasses; none replaces another';
    world.note(unit, node, message, 'override');
  }
}

function replace({ world, unit }, declared, lines) {
  if (lines === undefined || declared.decorators.length + (declared.guard ? 1 : 0) === 0) return;
  replaceDecorators(world, unit, declared, textsOf(unit, lines));
}

/** Limits of the class that a method changes need a name, or the method could not skip them. */
function overriddenNames(node, { overrides }, methods) {
  const changed = [...overrides.keys()].filter((name) =>
    methods.some(({ skips, overrides: own }) => skips.get(name) || own.has(name)),
  );
  return new Map(changed.map((name) => [name, `${node.name?.text ?? 'class'}-${name}`]));
}

/** @returns the new decorators, or undefined where the old ones have to stay */
function classLines({ world, unit, onClass, overridden, isBound, isBoundBelow }) {
  const lines = { skipped: [], applied: [], buckets: [] };
  for (const name of namesOf(onClass)) {
    if (!isKnown(world, unit, onClass, name)) continue;
    if (onClass.skips.get(name)) lines.skipped.push(name);
    else if (onClass.overrides.has(name)) {
      if (!isBound) return isBoundBelow ? guardBelow(world, unit, onClass) : noGuard(world, unit, onClass);
      const front = overridden.has(name) ? [`name: '${overridden.get(name)}'`] : [];
      if (!addBucket(world, unit, lines, name, [onClass.overrides.get(name)], front)) return undefined;
      lines.skipped.push(name);
    }
  }
  return withGuard(world, unit, onClass, lines);
}

function methodLines(context, declared) {
  const { world, unit, onClass, isBound } = context;
  // It would take the numbers of the module, and not those of the class.
  if (!isBound && declared.guard && onClass.overrides.size > 0) return undefined;
  const lines = { skipped: [], applied: [], buckets: [] };
  for (const name of namesOf(declared)) {
    if (!isKnown(world, unit, declared, name)) continue;
    const [override, skip] = [declared.overrides.get(name), declared.skips.get(name)];
    const isSkippedByClass = onClass.skips.get(name) === true;
    if (skip ?? isSkippedByClass) {
      if (skip) lines.skipped.push(...skipsFor(context, name));
      if (override) noEffect(world, unit, declared, name);
    } else if (override || isSkippedByClass) {
      if (!isBound && !declared.guard) return noGuard(world, unit, declared);
      if (!addBucket(world, unit, lines, name, [override, onClass.overrides.get(name)])) return undefined;
      lines.skipped.push(...skipsFor(context, name));
    }
  }
  return withGuard(world, unit, declared, lines);
}

/** The names that stand for a throttler at a method: its own, and that of the class which changes it. */
const skipsFor = ({ overridden, onClass, alreadySkipped }, name) =>
  [name, ...(overridden.has(name) && !onClass.skips.get(name) ? [overridden.get(name)] : [])].filter(
    (one) => !alreadySkipped.includes(one),
  );

const namesOf = ({ skips, overrides }) => new Set([...overrides.keys(), ...skips.keys()]);

/** What names no throttler has no effect today, and would not boot tomorrow. */
function isKnown({ limits, note }, unit, { decorators }, name) {
  if (limits === undefined || limits.has(name)) return true;
  note(unit, decorators[0], `'${name}' names no throttler of forRoot and had no effect: left out`, 'names');
  return false;
}

function noEffect({ note }, unit, { decorators }, name) {
  note(unit, decorators[0], `'${name}' is skipped here, so its other limit had no effect`, 'skip');
}

function noGuard({ todo }, unit, { decorators }) {
  todo(
    unit,
    decorators[0],
    'no throttler guard is bound here, as far as these files say, so this has no effect today',
    'guard',
  );
  return undefined;
}

function guardBelow({ todo }, unit, { decorators }) {
  const message = 'this is the limit of the methods that have the guard; write it there, as @TokenBucket';
  todo(unit, decorators[0], message, 'guard');
  return undefined;
}

/** A bucket with what is in force: of the method, else of the class, else of the module. */
function addBucket(world, unit, lines, name, declared, front = []) {
  const found = declared.filter((one) => one !== undefined);
  const ofModule = world.limits?.get(name);
  const inForce = (option) => [...found, ofModule].find((one) => one?.[option] !== undefined)?.[option];
  const [limit, ttl] = [inForce('limit'), inForce('ttl')];
  if (rateOf(limit, ttl) === undefined) {
    const why =
      limit === undefined || ttl === undefined
        ? 'the rest of this limit is not in these files'
        : `limit ${limit} in ${ttl} ms is no bucket`;
    world.todo(unit, found[0]?.node ?? unit.source, why, 'override');
    return false;
  }
  const own = found[0] ?? { node: { properties: [] }, properties: new Map() };
  const inherited = (ofModule?.extras ?? []).filter(({ option }) => !own.properties.has(option));
  if (inherited.some(({ option }) => option === 'getTracker')) unit.needs.add('byAll').add('byRoute');
  const extras = [...front, ...inherited.map(({ text }) => text)];
  lines.buckets.push(`@TokenBucket(${bucketText(world, unit, own, { limit, ttl, extras })})`);
  return true;
}

/** Where the guard is bound in places, its limits are applied in those places by their names. */
function withGuard(world, unit, { guard, skips }, lines) {
  if (guard && world.isGlobal) {
    world.note(unit, guard, 'this was counted twice, by the global guard and by this one; now once', 'guard');
  } else if (guard && world.limits === undefined) {
    world.todo(unit, guard, 'which limits this guard applies is not in these files', 'guard');
    return undefined;
  } else if (guard) {
    const names = [...world.limits.keys()];
    lines.applied.push(...names.filter((name) => !lines.skipped.includes(name) && !skips.get(name)));
  }
  return lines;
}

function textsOf({ needs }, { skipped, applied, buckets }) {
  if (skipped.length > 0) needs.add('SkipRateLimit');
  if (applied.length > 0) needs.add('RateLimit');
  if (buckets.length > 0) needs.add('TokenBucket');
  return [
    ...(skipped.length > 0 ? [`@SkipRateLimit(${skipped.map((name) => `'${name}'`).join(', ')})`] : []),
    ...applied.map((name) => `@RateLimit('${name}')`),
    ...buckets,
  ];
}
