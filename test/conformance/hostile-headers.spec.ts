import { once } from 'node:events';
import { Agent, type IncomingMessage, request, validateHeaderValue } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { byHeader, TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { effort } from '../support/effort.js';
import { hostileTexts } from '../support/hostile-texts.js';

@Controller('hostile')
class Hostile {
  @Get()
  @TokenBucket({ capacity: 1, rate: '1/day', name: 'hostile', key: byHeader('x-key') })
  find() {
    return 'served';
  }
}

const AT_ONCE = 32;
const texts = hostileTexts(effort(2_000, 5_000)).filter((value) => value.length < 8000);

/** Header values are bytes, one to a character. Clients send UTF-8. */
const onTheWire = (value: string) => Buffer.from(value).toString('latin1');
/** What the server takes for the value: without white space around it. */
const asReceived = (value: string) => value.replace(/^[ \t]+|[ \t]+$/g, '');

function isCarried(value: string): boolean {
  try {
    validateHeaderValue('x-key', value);
    return true;
  } catch {
    return false;
  }
}

const carried = [...new Set(texts.map(onTheWire))].filter(isCarried);
const notCarried = texts.map(onTheWire).filter((value) => !isCarried(value));

interface Answer {
  readonly status: number | undefined;
  /** Everything that was received, with every number masked: two answers to two values must not differ. */
  readonly masked: string;
}

describe.each(adapters)('hostile header values on %s', (adapter) => {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let server: TestApp;

  beforeAll(async () => {
    server = await bootApp({ controllers: [Hostile], adapter });
  });

  afterAll(async () => {
    agent.destroy();
    await closeApps();
  });

  async function get(value: string): Promise<Answer> {
    const asked = request(`${server.url}/hostile`, { agent, headers: { 'x-key': value } }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const { date: _, etag: __, ...headers } = response.headers; // the tag is a hash of the body
    const received = JSON.stringify([response.statusMessage, headers, await text(response)]);
    return { status: response.statusCode, masked: received.replace(/\d+/g, 'N') };
  }

  /** Whatever comes back for bytes that no client would send. */
  async function sendRaw(value: string): Promise<string> {
    const { hostname, port } = new URL(server.url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.on('error', () => {}); // a server may hang up on what it cannot read
    const head = `GET /hostile HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Key: ${value}\r\n\r\n`;
    socket.end(head, 'latin1');
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
    });
    await once(socket, 'close');
    return received;
  }

  it('are buckets of their own: the first of each is served, the second is refused', async () => {
    expect(carried.length).toBeGreaterThan(1000);
    const answers = new Map<string, Answer[]>();
    for (let i = 0; i < carried.length; i += AT_ONCE) {
      const values = carried.slice(i, i + AT_ONCE);
      const told = await Promise.all(values.map(get));
      told.forEach((answer, j) => {
        const key = asReceived(values[j]!);
        answers.set(key, [...(answers.get(key) ?? []), answer]);
      });
    }
    const wrong = [...answers].filter(([, all]) => {
      const expected = all.map((_, i) => (i === 0 ? 200 : 429));
      return (
        all
          .map(({ status }) => status)
          .sort()
          .join() !== expected.join()
      );
    });
    expect(wrong).toEqual([]);
    const served = [...answers.values()].flat().filter(({ status }) => status === 200);
    expect(new Set(served.map(({ masked }) => masked)).size).toBe(1);
  });

  it('are refused with one and the same answer, in which nothing is theirs', async () => {
    const values = carried.slice(0, 1000);
    const refusals = new Set<string>();
    for (let i = 0; i < values.length; i += AT_ONCE) {
      const told = await Promise.all(values.slice(i, i + AT_ONCE).map(get));
      for (const { status, masked } of told) refusals.add(`${status} ${masked}`);
    }
    expect(refusals.size).toBe(1);
    expect([...refusals][0]).toMatch(
      /^429 \["Too Many Requests",\{.*"ratelimit-policy":"\\"hostile\\";q=N;w=N"/,
    );
  });

  it('that HTTP cannot carry bring neither the server down nor a header into an answer', async () => {
    const values = notCarried.slice(0, 500);
    expect(values.filter((value) => value.includes('Injected')).length).toBeGreaterThan(50);
    const received: string[] = [];
    for (let i = 0; i < values.length; i += AT_ONCE) {
      received.push(...(await Promise.all(values.slice(i, i + AT_ONCE).map(sendRaw))));
    }
    expect(received.filter((answer) => /injected|flushall|hello/i.test(answer))).toEqual([]);
    expect(received.filter((answer) => answer.startsWith('HTTP/1.1 5'))).toEqual([]);
    expect(await server.statuses(1, '/hostile', { headers: { 'x-key': 'after the storm' } })).toEqual([200]);
  });

  it('as long as Node takes them are a bucket like any other, also in many fields of one name', async () => {
    for (const value of ['a'.repeat(15_000), Array.from({ length: 500 }, () => 'a').join('\r\nX-Key: ')]) {
      const statuses = [await sendRaw(value), await sendRaw(value)].map((answer) => answer.slice(9, 12));
      expect(statuses).toEqual(['200', '429']);
    }
  });

  it('of a megabyte are too long for Node, which goes on serving others', async () => {
    expect(await sendRaw('a'.repeat(2 ** 20))).toMatch(/^HTTP\/1\.1 431 |^$/);
    expect(await server.statuses(1, '/hostile', { headers: { 'x-key': 'after the flood' } })).toEqual([200]);
  });
});
