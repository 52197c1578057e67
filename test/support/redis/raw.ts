// A few lines of the Redis protocol, so that the harness depends on neither of the clients that are under test.
import { createConnection } from 'node:net';

/** Sends the commands over one connection and resolves to one reply each: text, or an Error for `-ERR …`. */
export function ask(port: number, commands: string[][], timeoutMs = 1000): Promise<(string | Error)[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no reply within ${timeoutMs} ms`)));
    socket.on('connect', () => socket.write(commands.map(encode).join('')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const replies = decode(received);
      if (replies.length < commands.length) return;
      resolve(replies);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before the reply')));
  });
}

/** One command whose error reply is an exception. */
export async function command(port: number, ...words: string[]): Promise<string> {
  const [reply] = await ask(port, [words]);
  if (reply instanceof Error) throw new Error(`${words.join(' ')}: ${reply.message}`);
  return reply!;
}

function encode(words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** One command that answers a list of texts. */
export async function list(port: number, ...words: string[]): Promise<string[]> {
  const reply = await command(port, ...words);
  return reply === '' ? [] : reply.split('\n');
}

/**
 * The complete replies so far; simple strings, integers, errors, bulk strings (of nothing: `''`) and flat lists of them (one
 * line each) are all that the harness asks for.
 */
function decode(bytes: Buffer): (string | Error)[] {
  const replies: (string | Error)[] = [];
  let at = 0;
  while (true) {
    const next = decodeOne(bytes, at);
    if (!next) return replies;
    replies.push(next.reply);
    at = next.end;
  }
}

function decodeOne(bytes: Buffer, at: number): { reply: string | Error; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', at + 1, lineEnd);
  const type = String.fromCharCode(bytes[at]!);
  const end = lineEnd + 2;
  if (type === '*') return decodeList(bytes, end, Number(line));
  if (type !== '$') return { reply: type === '-' ? new Error(line) : line, end };
  if (line === '-1') return { reply: '', end };
  const bodyEnd = end + Number(line);
  if (bytes.length < bodyEnd + 2) return undefined;
  return { reply: bytes.toString('utf8', end, bodyEnd), end: bodyEnd + 2 };
}

function decodeList(bytes: Buffer, start: number, length: number) {
  const texts: string[] = [];
  let end = start;
  for (let i = 0; i < length; i++) {
    const item = decodeOne(bytes, end);
    if (!item) return undefined;
    texts.push(String(item.reply));
    end = item.end;
  }
  return { reply: texts.join('\n'), end };
}
