// The comparisons in their long form: 2,000,000 operations of the oracle on the kernel, on memory and on Redis, and 100,000
// waits at each rate.
process.env.FLOODGATE_OPERATIONS ??= '2000000';
process.env.FLOODGATE_WAITS ??= '100000';
process.argv.push('test/conformance/oracle', 'test/conformance/patience');
await import('./test.mjs');
