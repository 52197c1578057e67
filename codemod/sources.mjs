// The files, parsed, with what each of them calls the exports of the throttler.

export const THROTTLER = '@nestjs/throttler';

/**
 * @typedef {object} Unit a file on its way
 * @property {string} path
 * @property {string} text
 * @property {import('typescript').SourceFile} source
 * @property {Map<string, string>} names what the file calls the throttler's exports: local name to exported name
 * @property {import('./edits.mjs').Edit[]} edits
 * @property {Set<string>} needs exports of nestjs-floodgate that the new text uses
 */

/** @returns {Unit | undefined} undefined where the file has nothing of the throttler */
export function readUnit(ts, path, text) {
  if (!text.includes(THROTTLER)) return undefined;
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
  const names = new Map();
  for (const { elements } of namedImports(ts, source, THROTTLER)) {
    for (const { name, propertyName } of elements) names.set(name.text, (propertyName ?? name).text);
  }
  return { path, text, source, names, edits: [], needs: new Set() };
}

/** The lists in braces of the imports from a package, each with its declaration. */
export function namedImports(ts, source, from) {
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || statement.moduleSpecifier.text !== from) return [];
    const bindings = statement.importClause?.namedBindings;
    return bindings && ts.isNamedImports(bindings)
      ? [{ declaration: statement, elements: bindings.elements }]
      : [];
  });
}

/** Whether an expression is an export of the throttler. */
export function isExport(ts, unit, node, name) {
  return node !== undefined && ts.isIdentifier(node) && unit.names.get(node.text) === name;
}

/** Every node of a file, from the top down. */
export function* nodesOf(ts, node) {
  yield node;
  const children = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(ts, child);
}

export function lineOf(unit, node) {
  return unit.source.getLineAndCharacterOfPosition(node.getStart(unit.source)).line + 1;
}

/** The properties of an object by name; undefined where one has no name that can be read. */
export function propertiesOf(ts, object) {
  const found = new Map();
  for (const property of object.properties) {
    const { name } = property;
    if (name === undefined || !(ts.isIdentifier(name) || ts.isStringLiteral(name))) return undefined;
    found.set(name.text, property);
  }
  return found;
}
