import type ts from 'typescript';

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
  /** A key of the table of sections in `guide.mjs`. */
  readonly section: string;
  /** Only to be known; else to be done by hand. */
  readonly isDone: boolean;
}

export interface Migration {
  readonly changes: { readonly path: string; readonly before: string; readonly after: string }[];
  readonly findings: Finding[];
}

export function migrate(
  typescript: typeof ts,
  files: readonly { readonly path: string; readonly text: string }[],
): Migration;
