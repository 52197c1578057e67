import type { ExecutionContext } from '@nestjs/common';
import { byGlobal, leakyBucket, tokenBucket } from 'nestjs-floodgate';

export interface Mail {
  readonly tenant: string;
  readonly to: string;
}

/** A message has no address and no headers: what it carries says who is limited. One without a tenant is an error. */
const byTenant = (context: ExecutionContext) => context.switchToRpc().getData<Mail>().tenant;

/** Each tenant may send 5 mails at once, then 5 per minute; the rest is refused. */
export const ofTenant = tokenBucket({ name: 'tenant', capacity: 5, rate: '5/min', key: byTenant });

/** The mail provider is given 10 per second, whoever sends: 100 may wait their turn. */
export const provider = leakyBucket({ name: 'provider', capacity: 100, rate: 10, key: byGlobal() });

/** The key that byGlobal has, for calls of the service: so they stand in the same line as the messages. */
export const ALL = 'all';

/** One report per minute, whichever instance comes first. */
export const oncePerMinute = tokenBucket({ name: 'report', capacity: 1, rate: '1/min' });
