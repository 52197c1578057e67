// Exact edits of a text: what no edit names stays as it was, comments and layout too.

/**
 * @typedef {{ start: number, end: number, text: string }} Edit what stands from `start` to `end` becomes `text`
 */

/**
 * @param {string} text
 * @param {Edit[]} edits which do not overlap
 */
export function applyEdits(text, edits) {
  const fromTheEnd = [...edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return fromTheEnd.reduce(
    (done, edit) => done.slice(0, edit.start) + edit.text + done.slice(edit.end),
    text,
  );
}

/** The edits of a part of the text, applied to that part alone. */
export function applyWithin(text, { start, end }, edits) {
  const moved = edits.map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }));
  return applyEdits(text.slice(start, end), moved);
}

/** Removes a range: with its whole line where nothing else stands on it, else with the spaces behind it. */
export function removal(text, start, end) {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const rest = /^[ \t]*\r?\n/.exec(text.slice(end));
  if (rest && text.slice(lineStart, start).trim() === '') {
    return { start: lineStart, end: end + rest[0].length, text: '' };
  }
  return { start, end: end + /^[ \t]*/.exec(text.slice(end))[0].length, text: '' };
}

/**
 * Removes elements of a list with their commas and the comments above them. At least one has to stay.
 * @param {readonly { pos: number, end: number }[]} elements nodes of TypeScript: `pos` is right behind the comma before
 * @param {ReadonlySet<unknown>} removed
 * @returns {Edit[]}
 */
export function removeFromList(elements, removed) {
  const lastKept = elements.findLastIndex((element) => !removed.has(element));
  const edits = elements
    .slice(0, lastKept)
    .map((element, index) => ({ element, end: elements[index + 1].pos }))
    .filter(({ element }) => removed.has(element))
    .map(({ element, end }) => ({ start: element.pos, end, text: '' }));
  const last = elements.at(-1);
  if (lastKept < elements.length - 1) edits.push({ start: elements[lastKept].end, end: last.end, text: '' });
  return edits;
}

/** The white space at the beginning of the line on which a position is. */
export function indentAt(text, position) {
  const lineStart = text.lastIndexOf('\n', position - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart))[0];
}

/**
 * Puts texts at the beginning of an object, before the comments of its first property: each on a line of its own where
 * that has one.
 */
export function insertFirst(text, { pos }, added) {
  const [newLine] = /^\s*\n[ \t]*/.exec(text.slice(pos)) ?? [' '];
  const separator = newLine.slice(newLine.lastIndexOf('\n') + 1);
  const before = newLine.includes('\n') ? `\n${separator}` : ' ';
  return { start: pos, end: pos, text: added.map((one) => `${before}${one},`).join('') };
}
