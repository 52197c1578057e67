export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
}

/** Texts to the left, numbers to the right. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => text(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const isNumber = columns.map(
    ({ text }) => rows.length > 0 && rows.every((row) => /^[\d.+-]*$/.test(text(row))),
  );
  const padded = lines.map((line) =>
    line.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  '),
  );
  return padded.map((line) => line.trimEnd()).join('\n');
}
