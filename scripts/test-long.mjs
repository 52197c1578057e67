// The comparison with the oracle in its long form: 2,000,000 operations on the kernel, on memory and on Redis.
process.env.FLOODGATE_OPERATIONS ??= '2000000';
process.argv.push('test/conformance/oracle');
await import('./test.mjs');
