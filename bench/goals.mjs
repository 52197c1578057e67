// What each row has to show. A figure is a ratio of medians of one run, or what its text says.

/**
 * @typedef {{ what: string, most?: number, least?: number, unit?: string }} Goal
 * @type {Readonly<Record<string, Goal>>}
 */
export const GOALS = {
  'strict.cpu.256': {
    what: 'strict Redis, 256 in flight: CPU per decision ÷ rate-limiter-flexible',
    most: 1 / 5,
  },
  'strict.throughput.256': {
    what: 'strict Redis, 256 in flight: throughput ÷ rate-limiter-flexible',
    least: 3,
  },
  'strict.p99.256': { what: 'strict Redis, 256 in flight: p99 ÷ rate-limiter-flexible', most: 1 },
  'strict.cpu.16': {
    what: 'strict Redis, 16 in flight: CPU per decision ÷ rate-limiter-flexible',
    most: 0.55,
  },
  'hot.cpu': { what: 'one hot key, 256 in flight: CPU per decision ÷ rate-limiter-flexible', most: 1 / 20 },
  'one.flexible': { what: 'one in flight: p50 ÷ rate-limiter-flexible', most: 1.05 },
  'one.bare': { what: 'one in flight: p50 ÷ a bare EVALSHA of TIME, GET and SET', most: 1.1 },
  'four.own': { what: 'four different buckets, 256 in flight: CPU ÷ one', most: 3.2 },
  'four.shared': { what: 'global + route + tenant + user, 256 in flight: CPU ÷ one', most: 1.8 },
  'four.own.flexible': { what: 'four different buckets: CPU ÷ ONE of rate-limiter-flexible', most: 1 },
  'four.shared.flexible': {
    what: 'global + route + tenant + user: CPU ÷ ONE of rate-limiter-flexible',
    most: 1,
  },
  'four.own.alone': { what: 'four different buckets, one in flight: p50 ÷ one', most: 1.2 },
  'four.shared.alone': { what: 'global + route + tenant + user, one in flight: p50 ÷ one', most: 1.2 },
};

/** @param {Goal} goal */
export const isMet = ({ most = Infinity, least = -Infinity }, value) => value <= most && value >= least;
