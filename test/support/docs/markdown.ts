import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Fence {
  /** What stands behind the three signs: `ts`, `sh`, `ts ignore`. */
  readonly info: string;
  readonly code: string;
  /** The line of the page at which the code begins, from 1. */
  readonly line: number;
}

/** A page of documentation. Paths are relative to the root of the repository. */
export interface Page {
  readonly path: string;
  readonly fences: readonly Fence[];
  /** The text outside fences, line by line. */
  readonly prose: readonly string[];
}

/** The pages that are for readers: README, docs/, the changelog and the READMEs of the samples. */
export function pages(): Page[] {
  const docs = markdownIn('docs');
  const samples = foldersIn('sample').flatMap((name) => markdownIn(`sample/${name}`));
  return ['README.md', 'CHANGELOG.md', ...docs, ...samples].map(readPage);
}

const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);

export function readPage(path: string): Page {
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: { info: string; line: number; code: string[] } | undefined;
  readFileSync(join(root, path), 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const fence = /^```(.*)$/.exec(text);
      if (fence && open) {
        fences.push({ info: open.info, line: open.line, code: open.code.join('\n') });
        open = undefined;
      } else if (fence) open = { info: fence[1]!.trim(), line: index + 2, code: [] };
      else if (open) open.code.push(text);
      else prose.push(text);
    });
  if (open) throw new Error(`${path}:${open.line - 1}: a fence is not closed`);
  return { path, fences, prose };
}

/** The first fence of a page with this info whose code has the text; a page that has none is an error. */
export function fenceWith({ path, fences }: Page, info: string, text: string): Fence {
  const found = fences.find((fence) => fence.info === info && fence.code.includes(text));
  if (!found) throw new Error(`${path} has no fence '${info}' with: ${text}`);
  return found;
}

/** Links of a page to places in this repository that do not exist, as `docs/redis.md#acl`. */
export function brokenLinks(page: Page): string[] {
  const targets = page.prose.flatMap((line) => [...line.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!));
  return targets.filter((target) => !/^[a-z]+:/.test(target)).filter((target) => !resolves(page, target));
}

function resolves(page: Page, target: string): boolean {
  const [file, anchor] = target.split('#');
  const path = file ? relative(root, join(root, dirname(page.path), file)) : page.path;
  if (!existsSync(join(root, path))) return false;
  return anchor === undefined || anchorsOf(readPage(path)).includes(anchor);
}

/** As GitHub makes them from headings. */
function anchorsOf({ prose }: Page): string[] {
  const headings = prose.flatMap((line) => /^#{1,6} (.+)$/.exec(line)?.[1] ?? []);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

/** What stands in backticks in the text. */
export function inlineCode({ prose }: Page): string[] {
  return prose.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
}

/** Whether something of this name is in the repository. */
export function existsInRepository(path: string): boolean {
  return existsSync(join(root, path));
}

export function foldersIn(path: string): string[] {
  const entries = readdirSync(join(root, path), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

export function readSource(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
