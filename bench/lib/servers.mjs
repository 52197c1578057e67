// Connections of the benchmark itself, beside those of the subject.
import { Redis } from 'ioredis';

/**
 * @param {{ urls: string[] }} setup the servers whose CPU is the subject's
 */
export const adminOf = ({ urls }) => urls.map((url) => new Redis(url));

/**
 * The client that a peer is given: of one server, or of a cluster.
 * @param {{ urls: string[], cluster?: boolean, autoPipelining?: boolean }} setup
 */
export async function clientFor({ urls, cluster = false, autoPipelining = false }) {
  const options = { enableAutoPipelining: autoPipelining };
  const client = cluster ? new Redis.Cluster(urls, options) : new Redis(urls[0], options);
  await client.ping();
  return client;
}
