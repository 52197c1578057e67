import { tokenBucket } from 'nestjs-floodgate';

/** Each address may open 10 connections at once, then 10 per minute. */
export const connections = tokenBucket({ name: 'connections', capacity: 10, rate: '10/min' });

/** Each address may send 5 messages at once, then one per second, over all its connections. */
export const messages = tokenBucket({ name: 'messages', capacity: 5, rate: 1 });
