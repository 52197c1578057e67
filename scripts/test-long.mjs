// The comparisons in their long form: 2,000,000 operations of the oracle on the kernel, on memory and on Redis, 100,000 waits
// at each rate, and as many times more of the others.
process.env.FLOODGATE_LONG = '1';
process.argv.push(
  'test/conformance/(hostile-headers|oracle|outbound|patience|plan-change|reconfiguration|reservation|settle.spec|sync)',
  'test/unit/oracle',
);
await import('./test.mjs');
