// `npm run test:acl`: whatever talks to a server, as a user of Redis who may do no more than docs/redis.md says.
process.env.FLOODGATE_ACL = '1';
process.argv.splice(
  2,
  0,
  'test/integration',
  'test/conformance',
  'test/e2e/(redis|live-limits|leaky|transports)',
);
await import('./test.mjs');
