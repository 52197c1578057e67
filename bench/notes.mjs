// What limits a figure that does not meet its goal, and what was tried, by hand; keyed as goals.mjs. Only those of goals that a run has
// missed are printed.

const BATCH =
  'What is left is spread thin. On the server a bucket is read, matched, formatted and written: MGET, SETRANGE and their calls are about a ' +
  'third of it, the Lua between them the rest. In the client the greater part is ioredis (the text of the command, the write, an integer ' +
  'decoded for each bucket); ours is a promise, a decision of nine fields and their collection. Tried: SET with PXAT for each bucket ' +
  '(one and a half times the server), KEEPTTL instead of SETRANGE, other ways to parse a record (no cheaper), one text as the reply (saves the ' +
  'client .28 µs and costs the server .17), larger and smaller batches (the same).';

const ONE =
  'The script looks for what a record may hold beside a level, and its command has six arguments: together about 9 µs beside the bare script. ' +
  'The rest is the way through batch, refusals, deadline and gate in the client. Tried and kept: one timer for all deadlines, one object and one promise ' +
  'for a take, arguments worked out once, a script of one closure. Sending without the end of the tick would save little, and no batch would be made.';

const STACK =
  'The server needs about 5 µs for each bucket that is read and written, and four buckets are four of these. The client’s part is the text of each name, ' +
  'a level read for each, and a decision of nine fields for each limit. Tried and kept: one object and one promise for a stack, no names made twice, ' +
  'no order of takes told where every bucket has room for all of them. Tried and given up: buckets of a batch ' +
  'counted without a map (3 to 5 % less of the client for four buckets, but smaller batches, and so a sixth more of the server, for shared ones).';

const STACK_ALONE =
  'Most of the difference lies between the write and the reply: three more buckets for the script to read and write. The client adds about 13 µs, before and after. ' +
  'Tried and kept: a stack by itself is told without the steps that decide a batch in order.';

const ROUTE =
  'What is beside a guard that returns true: the address of the client, the decision, and two fields on the response. In a profile they are about a ' +
  'tenth of the samples on Fastify; the rest of what is missed is spread over all of the server, which has more to keep in its caches. Tried and ' +
  'kept: no interceptor where nothing is left to do, texts of fields in parts, an IPv4 address taken as it stands, a private field of the request ' +
  'instead of a WeakMap. Tried and given up: fields among Fastify’s own, which Node writes as they are. It saves a twentieth on Fastify, but what ' +
  'handlers and filters then do to Node’s response (append, remove, look) is lost.';

const ROUTE_REDIS =
  `${ROUTE} On Redis each request has a promise and its part of a batch besides; with 32 sockets batches are small, and a write costs as much as ` +
  'several requests.';

/** @type {Readonly<Record<string, string>>} */
export const NOTES = {
  'strict.cpu.256': BATCH,
  'strict.throughput.256': `Client and server are busy one beside the other, so the slower of the two sets it. ${BATCH}`,
  'strict.p99.256': 'With both cores busy a batch that waits for a core makes all its calls wait.',
  'strict.cpu.16':
    'A write and a wake-up of the other side cost both processes more than the decisions of a batch of 16: a PING alone costs half of what ' +
    'the peer’s decision does. Fewer commands than one for each round are not to be had.',
  'hot.cpu':
    'The server is no part of it any more (one read and one write for a batch): what is left is the client’s promise, decision and read-out of each call.',
  'one.flexible': ONE,
  'one.bare': ONE,
  'four.own': STACK,
  'four.shared': STACK,
  'four.own.flexible': STACK,
  'four.shared.flexible': STACK,
  'four.own.alone': STACK_ALONE,
  'four.shared.alone': STACK_ALONE,
  'cluster.cpu':
    'Batches are a third as large as on one server, for they are made for each master. Tried and kept: one call for what a master serves, whatever its slots; ' +
    'the slot of a bucket looked up without its name.',
  'cluster.partitions': 'See the row above: where one call decides many slots, partitions add nothing.',
  'blocking.256':
    'The time is that of a clock: a server that loses its core in the middle of a script is seen as one that holds it.',
  'blocking.5000':
    'The time is that of a clock: with 5,000 calls in flight the client and its garbage collector keep both cores busy, and a server that loses its core in ' +
    'the middle of a script is seen as one that holds it. The median says what a batch costs. Batches of 80 and 60 calls instead of 120 had the same p99.',
  'refused.perCpuSecond':
    'A refusal is the check of what was asked, a look at two clocks and one map, a decision and a promise. Tried and kept: buckets by policy and key, so that ' +
    'no name is made and hashed; levels instead of replies.',
  'refused.flexible': 'See the row above.',
  'leases.perCpuSecond':
    'Each process is asked 15,000 times a second, in ticks of 10 ms; the calls alone, without any limiter, are the last row of its table. What is added is the decision, two ' +
    'clocks, and about 50 commands a second for each process: each is two or three more times that the process wakes up, with cold caches, which costs more than the ' +
    'decisions between them. Tried: a timer that leaves most of it to the requests (as many wake-ups, no gain).',
  'leases.used': 'On a machine whose cores are busy a process comes too late to ask for more.',
  'memory.perCpuSecond':
    'To find one of 100,000 keys in a map takes about a third of it; the rest is the clock, the check of the key, and a decision of nine fields with what a later ' +
    'report needs. Tried and kept: columns instead of objects, no name, no record. Tried: a map of objects (about as fast, nearly twice the bytes); ' +
    'a decision made without the objects between it and the level (6 to 8 % less, for a second place that reads levels).',
  'memory.flexible': 'See the row above; theirs is one map look-up and an object of four fields.',
  'memory.express':
    'Its store counts in a window: one object is found, incremented and returned as it is. Ours works out a drained level and a decision of nine fields.',
  'http.express.memory': ROUTE,
  'http.fastify.memory': ROUTE,
  'http.express.redis': ROUTE_REDIS,
  'http.fastify.redis': ROUTE_REDIS,
  'growth.cpu':
    'The client costs the same; the server a few microseconds more for each bucket, whose name, record and expiry lie in no cache of the processor. ' +
    'Where a decision costs so little, that is much of it. Why the peer’s server grows by less was not looked into.',
};
