// The whole of it: texts in, texts and findings out. No file is read or written here.
import { translateDecorators } from './class-decorators.mjs';
import { applyEdits } from './edits.mjs';
import { translateImports } from './imports.mjs';
import { removeGuardProviders, renameExceptions, reportLeftovers } from './leftovers.mjs';
import { translateModules } from './module-call.mjs';
import { lineOf, readUnit } from './sources.mjs';
import { isBoundGlobally, isModuleTranslatable, surveyLimits } from './survey.mjs';

/**
 * @typedef {{ path: string, line: number, message: string, section: string, isDone: boolean }} Finding `isDone`: only to
 *   be known; else to be done by hand
 */

/**
 * @param {typeof import('typescript')} ts
 * @param {readonly { path: string, text: string }[]} files of one application, together
 * @returns {{ changes: { path: string, before: string, after: string }[], findings: Finding[] }}
 */
export function migrate(ts, files) {
  const units = files
    .map(({ path, text }) => readUnit(ts, path, text))
    .filter((unit) => unit !== undefined)
    .map((unit) => ({ ...unit, reported: new Set() }));
  const findings = [];
  const say = (isDone) => (unit, node, message, section) => {
    findings.push({ path: unit.path, line: lineOf(unit, node), message, section, isDone });
  };
  const world = {
    ts,
    limits: surveyLimits(ts, units),
    isModuleDone: isModuleTranslatable(ts, units),
    isGlobal: isBoundGlobally(ts, units, files),
    todo: say(false),
    note: say(true),
  };
  translateModules(world, units);
  for (const unit of units) translateUnit(world, unit);
  const changes = units
    .map(({ path, text, edits }) => ({ path, before: text, after: applyEdits(text, edits) }))
    .filter(({ before, after }) => before !== after);
  return { changes, findings: findings.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line) };
}

function translateUnit(world, unit) {
  translateDecorators(world, unit);
  removeGuardProviders(world, unit);
  renameExceptions(world, unit);
  reportLeftovers(world, unit);
  translateImports(world.ts, unit);
}
