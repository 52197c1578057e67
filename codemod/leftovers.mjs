// What goes without a choice to be made, and what still stands of the throttler in the end.

import { removeFromList } from './edits.mjs';
import { LEFT } from './guide.mjs';
import { standingIdentifiers } from './imports.mjs';
import { isExport, nodesOf, THROTTLER } from './sources.mjs';
import { isGuardProvider } from './survey.mjs';

/**
 * `{ provide: APP_GUARD, useClass: ThrottlerGuard }`: forRoot binds the guard. It stays where forRoot is still to be
 * written, or an application without decorators would boot with no limits at all.
 */
export function removeGuardProviders({ ts, isModuleDone }, unit) {
  if (!isModuleDone) return;
  for (const node of nodesOf(ts, unit.source)) {
    if (!ts.isArrayLiteralExpression(node)) continue;
    const removed = new Set(node.elements.filter((element) => isGuardProvider(ts, unit, element)));
    if (removed.size === 0) continue;
    if (removed.size < node.elements.length) unit.edits.push(...removeFromList(node.elements, removed));
    else unit.edits.push(withoutList(ts, unit, node));
  }
}

/** `providers: [only this]` goes with its last element. */
function withoutList(ts, unit, list) {
  const { parent } = list;
  const others = ts.isPropertyAssignment(parent) ? parent.parent.properties : undefined;
  if (!others || others.length === 1) {
    return { start: list.getStart(unit.source), end: list.end, text: '[]' };
  }
  const [edit] = removeFromList(others, new Set([parent]));
  return edit;
}

/** The exception by its class, where nobody makes one or extends it. */
export function renameExceptions({ ts }, unit) {
  for (const node of standingIdentifiers(ts, unit)) {
    if (!isExport(ts, unit, node, 'ThrottlerException')) continue;
    const { parent } = node;
    const isMade = ts.isNewExpression(parent) || ts.isExpressionWithTypeArguments(parent);
    if (isMade || ts.isExportSpecifier(parent)) continue;
    unit.needs.add('RateLimitExceededException');
    unit.edits.push({ start: node.getStart(unit.source), end: node.end, text: 'RateLimitExceededException' });
  }
}

/** A package that is taken as a whole gives its parts other names than the ones that are looked for. */
function reportOtherImports({ ts, todo }, unit) {
  for (const node of nodesOf(ts, unit.source)) {
    if (!ts.isStringLiteral(node) || node.text !== THROTTLER) continue;
    const bindings = ts.isImportDeclaration(node.parent) && node.parent.importClause?.namedBindings;
    if (bindings && ts.isNamedImports(bindings)) continue;
    todo(unit, node, 'only what is imported by name is rewritten', 'module');
  }
}

/** Everything of the throttler that still stands is somebody's to decide. */
export function reportLeftovers(world, unit) {
  const { ts, todo } = world;
  reportOtherImports(world, unit);
  for (const node of standingIdentifiers(ts, unit)) {
    const name = unit.names.get(node.text);
    if (name === undefined || unit.reported.has(node)) continue;
    const [section, message] = LEFT[name] ?? ['module', 'nothing here stands for it'];
    todo(unit, node, `${name}: ${message}`, section);
  }
}
