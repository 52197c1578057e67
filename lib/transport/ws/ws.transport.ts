import type { ExecutionContext } from '@nestjs/common';
import { loadPackage } from '../load-package.js';
import { type MessageProblem, MessageTransport } from '../message.transport.js';
import type { Transport } from '../transport.js';

/** What Nest puts into the messages of its own exceptions, and clients look for. */
const STATUS = 'error';

/** The transport of gateways: a `WsException`, which Nest emits as the event `exception`. */
export async function loadWsTransport(): Promise<Transport> {
  const { WsException } = await loadPackage('@nestjs/websockets', () => import('@nestjs/websockets'));
  return new WsTransport((problem, cause) =>
    Object.assign(new WsException({ status: STATUS, ...problem }), { cause }),
  );
}

class WsTransport extends MessageTransport {
  /** A client that waits for an acknowledgement would wait for ever: Nest gives none for an exception. */
  protected override answer(context: ExecutionContext, problem: MessageProblem, cause: Error): Error {
    const acknowledge = context.getArgByIndex<unknown>(2);
    if (typeof acknowledge === 'function') acknowledge({ status: STATUS, ...problem });
    return super.answer(context, problem, cause);
  }
}
