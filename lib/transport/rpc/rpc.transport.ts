import { loadPackage } from '../load-package.js';
import { MessageTransport } from '../message.transport.js';
import type { Refusals } from '../refusals.js';
import type { Transport } from '../transport.js';

/** The transport of microservices: an `RpcException`, whose content is the error of the caller's observable. */
export async function loadRpcTransport(refusals: Refusals): Promise<Transport> {
  const { RpcException } = await loadPackage('@nestjs/microservices', () => import('@nestjs/microservices'));
  return new MessageTransport(
    (problem, cause) => Object.assign(new RpcException({ status: 'error', ...problem }), { cause }),
    refusals,
  );
}
