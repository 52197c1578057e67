import type { ExecutionContext } from '@nestjs/common';
import type { HttpTransport } from './http/http.transport.js';
import { messageTransport } from './message.transport.js';
import type { Transport } from './transport.js';

/** The transport of a context. */
export class Transports {
  constructor(private readonly http: HttpTransport) {}

  of(context: ExecutionContext): Transport {
    return context.getType() === 'http' ? this.http : messageTransport;
  }
}
