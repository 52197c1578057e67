/** A line of the shell that sends requests with curl, perhaps many at once through `seq N | xargs -P N`. */
export interface CurlLine {
  readonly url: string;
  readonly init: RequestInit;
  /** How many at once. */
  readonly times: number;
}

/** The lines of a text that call curl. */
export function curlLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /(^|\| .*)curl /.test(line));
}

/** @throws Error for an option of curl that is not known here */
export function parseCurl(line: string): CurlLine {
  const times = Number(/^seq (\d+) \| xargs -P \1 -I\{\} /.exec(line)?.[1] ?? 1);
  const words = [...line.slice(line.indexOf('curl ') + 5).matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => (quoted ?? plain)!,
  );
  const headers: Record<string, string> = {};
  const init: RequestInit = { method: 'GET', headers };
  let url = '';
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') init.method = words.shift();
    else if (word === '-d') {
      init.body = words.shift();
      // As curl does where nothing else is said.
      if (init.method === 'GET') init.method = 'POST';
    } else if (word === '-H') {
      const [name, value] = words.shift()!.split(': ');
      headers[name!] = value!;
    } else if (!word.startsWith('-')) url = word;
    else if (word !== '-i' && word !== '-s') throw new Error(`curl ${word} is not known here: ${line}`);
  }
  return { url, init, times };
}

/** Sends all of them at once, and answers when all have been answered. */
export function send({ url, init, times }: CurlLine): Promise<Response[]> {
  return Promise.all(Array.from({ length: times }, () => fetch(url, init)));
}
