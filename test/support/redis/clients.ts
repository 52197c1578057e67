// ioredis clients of both majors; `closeClients` closes all of them. Suites use `connect` and `connectCluster`:
// version 6, or version 5 for the whole run where the environment says IOREDIS=5.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Cluster as Cluster6,
  type ClusterOptions as ClusterOptions6,
  Redis as Redis6,
  type RedisOptions as RedisOptions6,
} from 'ioredis';
import {
  Cluster as Cluster5,
  type ClusterOptions as ClusterOptions5,
  Redis as Redis5,
  type RedisOptions as RedisOptions5,
} from 'ioredis5';
import { type RedisUser } from './documented-user.js';

/** What the four classes have in common; TypeScript finds no call that fits a union of their `on`. */
interface Client {
  readonly status: string;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'end', listener: () => void): unknown;
  disconnect(): void;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user?: RedisUser | undefined;
}
type RedisOptions = RedisOptions5 & RedisOptions6;
type ClusterOptions = ClusterOptions5 & ClusterOptions6;

const open = new Set<Client>();

/** The major of ioredis that `connect` and `connectCluster` use. */
export const ioredisMajor = process.env.IOREDIS === '5' ? 5 : 6;

/** A client of the major under test. Its type is version 6's: suites use only what both have. */
export function connect(url: string, options: RedisOptions = {}): Redis6 {
  return ioredisMajor === 5 ? (connect5(url, options) as unknown as Redis6) : connect6(url, options);
}

export function connectCluster(nodes: readonly Address[], options: ClusterOptions = {}): Cluster6 {
  return ioredisMajor === 5
    ? (connectCluster5(nodes, options) as unknown as Cluster6)
    : connectCluster6(nodes, options);
}

/** For what a test itself does on a cluster: as the default user. */
export function connectClusterAsAdmin(nodes: readonly Address[]): Cluster6 {
  return connectCluster(nodes.map(addressOf));
}

export function connect5(url: string, options: RedisOptions5 = {}): Redis5 {
  return track(new Redis5(url, options));
}

export function connect6(url: string, options: RedisOptions6 = {}): Redis6 {
  return track(new Redis6(url, options));
}

export function connectCluster5(nodes: readonly Address[], options: ClusterOptions5 = {}): Cluster5 {
  return track(new Cluster5(nodes.map(addressOf), { ...loginOf(nodes), ...options }));
}

export function connectCluster6(nodes: readonly Address[], options: ClusterOptions6 = {}): Cluster6 {
  return track(new Cluster6(nodes.map(addressOf), { ...loginOf(nodes), ...options }));
}

/** Closes every client that was opened since the last call: for `afterEach` or `afterAll`. */
export async function closeClients(): Promise<void> {
  const clients = [...open];
  open.clear();
  await Promise.all(clients.map(close));
}

async function close(client: Client): Promise<void> {
  // Between two attempts there is no connection to close, and ioredis never emits 'end' then.
  const hasNoConnection = client.status === 'end' || client.status === 'reconnecting';
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
  client.disconnect();
  if (!hasNoConnection) await Promise.race([ended, sleep(1000, undefined, { ref: false })]);
}

function track<T extends Client>(client: T): T {
  // Suites kill their servers on purpose; without a listener ioredis prints every failed attempt.
  client.on('error', () => {});
  open.add(client);
  return client;
}

// A server has more properties than its address, and ioredis takes them all for options.
function addressOf({ host, port }: Address): Address {
  return { host, port };
}

function loginOf([first]: readonly Address[]): { redisOptions?: { username: string; password: string } } {
  const user = first?.user;
  return user ? { redisOptions: { username: user.name, password: user.password } } : {};
}
