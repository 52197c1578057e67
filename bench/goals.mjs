// What each row has to show. A figure is a ratio of medians of one run, or what its text says.

const routeGoals = (platform) =>
  [
    ['memory', 'memory: CPU per request ÷ a guard that returns true', 1.1],
    ['redis', "strict Redis, the client's CPU: CPU per request ÷ a guard that returns true", 1.15],
    ['memory.throttler', 'memory: CPU per request ÷ @nestjs/throttler', 1],
    ['redis.throttler', "strict Redis, the client's CPU: CPU per request ÷ @nestjs/throttler", 1],
  ].map(([name, what, most]) => [`http.${platform}.${name}`, { what: `Nest on ${platform}, ${what}`, most }]);

/**
 * `chart`: how the chart calls it, where it is a ratio to a peer.
 * @typedef {{ what: string, most?: number, least?: number, chart?: string }} Goal
 * @type {Readonly<Record<string, Goal>>}
 */
export const GOALS = {
  'strict.cpu.256': {
    what: 'strict Redis, 256 in flight: CPU per decision ÷ rate-limiter-flexible',
    most: 1 / 5,
    chart: 'strict Redis, 256 in flight: CPU',
  },
  'strict.throughput.256': {
    what: 'strict Redis, 256 in flight: throughput ÷ rate-limiter-flexible',
    least: 3,
  },
  'strict.p99.256': {
    what: 'strict Redis, 256 in flight: p99 ÷ rate-limiter-flexible',
    most: 1,
    chart: 'strict Redis, 256 in flight: p99',
  },
  'strict.cpu.16': {
    what: 'strict Redis, 16 in flight: CPU per decision ÷ rate-limiter-flexible',
    most: 0.55,
    chart: 'strict Redis, 16 in flight: CPU',
  },
  'hot.cpu': {
    what: 'one hot key, 256 in flight: CPU per decision ÷ rate-limiter-flexible',
    most: 1 / 20,
    chart: 'one hot key: CPU',
  },
  'one.flexible': {
    what: 'one in flight: p50 ÷ rate-limiter-flexible',
    most: 1.05,
    chart: 'one in flight: p50',
  },
  'one.bare': { what: 'one in flight: p50 ÷ a bare EVALSHA of TIME, GET and SET', most: 1.1 },
  'four.own': { what: 'four different buckets, 256 in flight: CPU ÷ one', most: 3.2 },
  'four.shared': { what: 'global + route + tenant + user, 256 in flight: CPU ÷ one', most: 1.8 },
  'four.own.flexible': {
    what: 'four different buckets: CPU ÷ ONE of rate-limiter-flexible',
    most: 1,
    chart: 'four buckets ÷ ONE of theirs: CPU',
  },
  'four.shared.flexible': {
    what: 'global + route + tenant + user: CPU ÷ ONE of rate-limiter-flexible',
    most: 1,
    chart: 'global, route, tenant, user ÷ ONE of theirs: CPU',
  },
  'four.own.alone': { what: 'four different buckets, one in flight: p50 ÷ one', most: 1.2 },
  'four.shared.alone': { what: 'global + route + tenant + user, one in flight: p50 ÷ one', most: 1.2 },
  'cluster.cpu': {
    what: 'Cluster, keys over all slots: CPU per decision ÷ rate-limiter-flexible',
    most: 0.65,
    chart: 'Cluster: CPU',
  },
  'cluster.partitions': {
    what: 'Cluster, with partitions: CPU per decision ÷ rate-limiter-flexible',
    most: 0.4,
    chart: 'Cluster, partitions: CPU',
  },
  'blocking.256': { what: 'blocking, 256 in flight: p99 of a script, ms', most: 2 },
  'blocking.5000': { what: 'blocking, 5,000 in flight: p99 of a script, ms', most: 2 },
  'refused.commands': { what: 'refused keys: Redis commands per key, instance and second', most: 1 },
  'refused.perCpuSecond': { what: 'refused keys: refusals per CPU-second', least: 1_000_000 },
  'refused.flexible': {
    what: 'refused keys: times cheaper than inMemoryBlockOnConsumed of rate-limiter-flexible',
    least: 2.5,
  },
  'leases.perCpuSecond': { what: 'leases: decisions per CPU-second', least: 500_000 },
  'leases.perCommand': { what: 'leases: decisions per Redis command', least: 200 },
  'leases.used': { what: 'leases: % of the rate used', least: 99 },
  'leases.over': { what: 'leases: admitted beyond capacity + rate × time', most: 0 },
  'memory.perCpuSecond': {
    what: 'memory, at once, 100,000 keys: decisions per CPU-second',
    least: 2_000_000,
  },
  'memory.flexible': { what: 'memory, at once: times as fast as rate-limiter-flexible', least: 2.5 },
  'memory.express': { what: "memory, awaited: CPU ÷ express-rate-limit's store", most: 1.1 },
  'memory.bytes': { what: 'memory: bytes per key, its text included', most: 150 },
  ...Object.fromEntries(['express', 'fastify'].flatMap(routeGoals)),
  'growth.cpu': { what: 'growth: CPU per decision, 1,000,000 live keys ÷ 1,000', most: 1.15 },
  'growth.bytes': {
    what: 'growth: Redis bytes per bucket ÷ rate-limiter-flexible',
    most: 1.6,
    chart: 'Redis bytes per bucket',
  },
  'growth.idle': { what: 'growth: keys left of idle buckets', most: 0 },
};

/** @param {Goal} goal */
export const isMet = ({ most = Infinity, least = -Infinity }, value) => value <= most && value >= least;
