// New decorators in the place of old ones.
import { indentAt, removal, removeFromList } from './edits.mjs';
import { isExport } from './sources.mjs';

/**
 * The first of the old decorators becomes the new ones; the others go.
 * @param {import('./read-decorators.mjs').Declared} declared
 * @param {string[]} lines
 */
export function replaceDecorators({ ts }, unit, { decorators, guard, comments }, lines) {
  const old = [...decorators, ...(guard ? [guard] : [])].sort((a, b) => a.pos - b.pos);
  const isKept = guard !== undefined && guard.expression.arguments.length > 1;
  const goes = old.filter((decorator) => decorator !== guard || !isKept);
  if (isKept) {
    const elements = guard.expression.arguments;
    const removed = new Set(elements.filter((element) => isExport(ts, unit, element, 'ThrottlerGuard')));
    unit.edits.push(...removeFromList(elements, removed));
  }
  const anchor = goes[0] ?? guard;
  const text = [...comments, ...lines];
  for (const decorator of goes) {
    const [start, end] = [decorator.getStart(unit.source), decorator.end];
    if (decorator === anchor && text.length > 0)
      unit.edits.push({ start, end, text: joined(unit, start, end, text) });
    else unit.edits.push(removal(unit.text, start, end));
  }
  if (goes.length === 0 && text.length > 0) {
    const start = anchor.getStart(unit.source);
    unit.edits.push({
      start,
      end: start,
      text: `${joined(unit, start, start, text)}\n${indentAt(unit.text, start)}`,
    });
  }
}

/** One below the other where the old one stood on a line of its own, else side by side. */
function joined(unit, start, end, text) {
  const indent = indentAt(unit.text, start);
  const isFirst = unit.text.slice(unit.text.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
  const isLast = /^[ \t]*\r?\n/.test(unit.text.slice(end)) || start === end;
  return text.join(isFirst && (isLast || text.some((line) => line.startsWith('//'))) ? `\n${indent}` : ' ');
}
