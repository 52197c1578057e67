/**
 * How many scripts the servers of a subject have run so far: what they were sent, and not what a script does.
 * @param {{ servers: readonly import('ioredis').Redis[] }} subject
 */
export async function scriptCalls({ servers }) {
  const infos = await Promise.all(servers.map((server) => server.info('commandstats')));
  const calls = infos.flatMap((info) => [...info.matchAll(/^cmdstat_(?:eval|evalsha|fcall):calls=(\d+)/gm)]);
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}
