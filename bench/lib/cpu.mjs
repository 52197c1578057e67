// CPU time, user and system together, in microseconds.

/** Of this process, all its threads. */
export function cpuHere() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Of Redis servers, as they say it themselves: to the microsecond, where /proc counts in hundredths of a second.
 * @param {readonly import('ioredis').Redis[]} servers
 */
export async function cpuOf(servers) {
  const infos = await Promise.all(servers.map((server) => server.info('cpu')));
  return infos.reduce((sum, info) => sum + seconds(info, 'sys') + seconds(info, 'user'), 0) * 1e6;
}

const seconds = (info, kind) => Number(new RegExp(`^used_cpu_${kind}:(\\S+)`, 'm').exec(info)[1]);
