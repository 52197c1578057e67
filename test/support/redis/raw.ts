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

/** The complete replies so far; simple strings, integers, errors and bulk strings are all that the harness asks for. */
function decode(bytes: Buffer): (string | Error)[] {
  const replies: (string | Error)[] = [];
  let at = 0;
  while (true) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return replies;
    const line = bytes.toString('utf8', at + 1, end);
    const type = String.fromCharCode(bytes[at]!);
    at = end + 2;
    if (type === '$') {
      const bodyEnd = at + Number(line);
      if (bytes.length < bodyEnd + 2) return replies;
      replies.push(bytes.toString('utf8', at, bodyEnd));
      at = bodyEnd + 2;
    } else {
      replies.push(type === '-' ? new Error(line) : line);
    }
  }
}
