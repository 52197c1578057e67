export interface Table {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}
export function plainTable(table: Table): string;
export function markdownTable(table: Table): string;
