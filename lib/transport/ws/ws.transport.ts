import type { ExecutionContext } from '@nestjs/common';
import { loadPackage } from '../load-package.js';
import { MessageTransport } from '../message.transport.js';
import type { Refusals } from '../refusals.js';
import type { Transport } from '../transport.js';

/** What Nest puts into the messages of its own exceptions, and clients look for. */
const STATUS = 'error';

/** The transport of gateways: a `WsException`, which Nest emits as the event `exception`. */
export async function loadWsTransport(refusals: Refusals): Promise<Transport> {
  const { WsException } = await loadPackage('@nestjs/websockets', () => import('@nestjs/websockets'));
  return new WsTransport(
    (problem, cause) => Object.assign(new WsException({ status: STATUS, ...problem }), { cause }),
    refusals,
  );
}

class WsTransport extends MessageTransport {
  /** A client that waits for an acknowledgement would wait for ever: Nest gives none for an exception. */
  protected override answered(context: ExecutionContext, error: Error): Error {
    const acknowledge = context.getArgByIndex<unknown>(2);
    if (typeof acknowledge === 'function') acknowledge(acknowledgementOf(error));
    return error;
  }
}

/** What Nest emits for the error, which may be one of the application's own. */
function acknowledgementOf(error: Error & { getError?: () => unknown }): object {
  const content = error.getError?.() ?? 'Internal server error';
  return typeof content === 'object' ? content : { status: STATUS, message: content };
}
