// The imports of a file, after its text has changed.
import { removal, removeFromList } from './edits.mjs';
import { namedImports, nodesOf, THROTTLER } from './sources.mjs';

/** What the removed code may have used alone. */
const OTHERS = { '@nestjs/core': ['APP_GUARD'], '@nestjs/common': ['UseGuards'] };

export function translateImports(ts, unit) {
  if (unit.edits.length === 0) return;
  const standing = namesIn(standingIdentifiers(ts, unit));
  const before = namesIn(referencesIn(ts, unit));
  const edits = Object.entries(OTHERS).flatMap(([from, names]) =>
    namedImports(ts, unit.source, from).flatMap((found) =>
      withoutUnused(
        unit,
        found,
        standing,
        names.filter((name) => before.has(name)),
      ),
    ),
  );
  const imports = namedImports(ts, unit.source, THROTTLER);
  for (const found of imports) edits.push(...withoutUnused(unit, found, standing));
  const text = importOfOurs(ts, unit, imports[0]?.declaration);
  if (text !== '') insertImport(unit, imports[0].declaration, edits, text);
  unit.edits.push(...edits);
}

const namesIn = (identifiers) => new Set(identifiers.map(({ text }) => text));

const referencesIn = (ts, unit) =>
  [...nodesOf(ts, unit.source)].filter((node) => ts.isIdentifier(node) && isReference(ts, node));

/** What is still used in the file: identifiers that no edit replaces. */
export function standingIdentifiers(ts, unit) {
  const edits = unit.edits.map((edit) => ({ ...edit, carried: identifiersIn(ts, edit.text) }));
  return referencesIn(ts, unit).filter((node) => !isReplaced(unit, node, edits));
}

/** A part of a replaced text may be carried over into the new one. */
function isReplaced(unit, node, edits) {
  const edit = edits.find(({ start, end }) => start <= node.getStart(unit.source) && node.end <= end);
  return edit !== undefined && !edit.carried.has(node.text);
}

/** The names in a piece of code, without those in its comments and texts. */
function identifiersIn(ts, code) {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, code);
  const found = new Set();
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (token === ts.SyntaxKind.Identifier) found.add(scanner.getTokenText());
  }
  return found;
}

function isReference(ts, node) {
  const { parent } = node;
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent)) return false;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  return !(ts.isPropertyAssignment(parent) && parent.name === node);
}

function withoutUnused(unit, { declaration, elements }, standing, among) {
  const unused = elements.filter(
    ({ name, propertyName }) =>
      !standing.has(name.text) && (among === undefined || among.includes((propertyName ?? name).text)),
  );
  if (unused.length === 0) return [];
  if (unused.length < elements.length) return removeFromList(elements, new Set(unused));
  return [removal(unit.text, declaration.getStart(unit.source), declaration.end)];
}

function importOfOurs(ts, unit, declaration) {
  const known = namedImports(ts, unit.source, 'nestjs-floodgate').flatMap(({ elements }) => elements);
  const present = new Set(known.map(({ name }) => name.text));
  const names = [...unit.needs].filter((name) => !present.has(name));
  if (names.length === 0 || declaration === undefined) return '';
  const quote = declaration.moduleSpecifier.getText(unit.source)[0];
  const end = unit.text[declaration.end - 1] === ';' ? ';' : '';
  const list = names.sort((a, b) => a.localeCompare(b, 'en')).join(', ');
  return `import { ${list} } from ${quote}nestjs-floodgate${quote}${end}\n`;
}

/** In the place of the throttler's import, or in front of what is left of it. */
function insertImport(unit, declaration, edits, text) {
  const start = declaration.getStart(unit.source);
  const whole = edits.find((edit) => edit.start <= start && edit.end >= declaration.end);
  if (whole) whole.text = text;
  else edits.push({ start, end: start, text });
}
