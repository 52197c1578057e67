import type { NodeGate } from './node-gate.js';

interface Connection {
  readonly isCluster?: boolean;
  on?(event: string, listener: () => void): unknown;
  off?(event: string, listener: () => void): unknown;
}

/**
 * Tells a gate what the client of a single server knows of its connection before any call has waited. Answers what ends that.
 * The nodes of a Cluster come and go behind the client: there the calls tell.
 */
export function watchConnection(client: Connection, gate: NodeGate): () => void {
  if (client.isCluster === true || client.on === undefined) return () => undefined;
  const onClose = () => gate.lost('', 'there is no connection');
  const onReady = () => gate.ready('');
  client.on('close', onClose);
  client.on('ready', onReady);
  return () => {
    client.off?.('close', onClose);
    client.off?.('ready', onReady);
  };
}
