// A program of its own that stands for a database or a mail provider: `node fragile-service.js [port]`.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Arrivals } from './arrivals.js';

const arrivals = new Arrivals();

const server = createServer((request, response) => {
  const [status, body] = request.url === '/stats' ? [200, arrivals.stats()] : work();
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
});

function work(): [number, object] {
  return arrivals.add(performance.now()) ? [200, { stored: true }] : [503, { error: 'overloaded' }];
}

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (process.send) process.send(url);
  else console.log(`Listening on ${url}`);
});

// The application that started it is gone, however it ended.
process.once('disconnect', () => {
  server.close();
  server.closeAllConnections();
});
