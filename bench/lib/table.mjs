// Tables, for a terminal and for Markdown.

/**
 * @typedef {{ title: string, head: readonly string[], rows: readonly (readonly string[])[] }} Table
 * @param {Table} table
 * @returns {string} columns of equal width, the first to the left, all else to the right
 */
export function plainTable({ title, head, rows }) {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  const write = (line) => line.map(pad).join('  ').trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [title, write(head), rule, ...rows.map(write)].join('\n');
}

/**
 * @param {Table} table
 * @returns {string} without its title; a `|` in a cell is escaped
 */
export function markdownTable({ head, rows }) {
  const write = (line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [write(head), write(rule), ...rows.map(write)].join('\n');
}
