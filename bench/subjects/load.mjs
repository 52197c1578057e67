// Requests over sockets that stay open, from a process of their own.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as eventLoop } from 'node:timers/promises';

const ADDRESSES = 1000;
const SOCKETS = 32;

/** The texts are ready before: the load is to be no slower than what it loads. */
const REQUESTS = Array.from({ length: ADDRESSES }, (_, i) => {
  const address = `10.0.${i >> 8}.${i & 255}`;
  return `GET /cats HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${address}\r\nConnection: keep-alive\r\n\r\n`;
});

export async function http() {
  return { send };
}

/** @param {{ port: number, count: number }} options @returns requests per second, and how often there were which headers */
async function send({ port, count }) {
  const state = { next: 0, count, limited: 0 };
  const start = performance.now();
  await Promise.all(Array.from({ length: SOCKETS }, () => converse(port, state)));
  return { perSecond: (count * 1000) / (performance.now() - start), limited: state.limited };
}

async function converse(port, state) {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let text = '';
  const done = new Promise((resolve, reject) => {
    const ask = () => {
      if (state.next >= state.count) return resolve();
      socket.write(REQUESTS[state.next++ % ADDRESSES]);
    };
    socket.setEncoding('latin1').on('error', reject);
    socket.on('close', () => reject(new Error('The server has closed a connection')));
    socket.on('data', (chunk) => {
      text += chunk;
      const length = lengthOf(text);
      if (length === undefined || text.length < length) return;
      if (!text.startsWith('HTTP/1.1 200')) return reject(new Error(text));
      if (/^(?:x-)?ratelimit/im.test(text)) state.limited++;
      text = '';
      ask();
    });
    ask();
  });
  await done.finally(() => socket.removeAllListeners('close').destroy());
  await eventLoop();
}

/** How long a response is, where all of its head has come. */
function lengthOf(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
  if (length === undefined) throw new Error(`A response without a length: ${text}`);
  return end + 4 + Number(length);
}
