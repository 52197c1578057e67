import { type ClientOptions, type MicroserviceOptions, Transport } from '@nestjs/microservices';

const HOST = '127.0.0.1';

/** How messages travel: on TCP to a port, or through the Redis server of CARRIER_URL. */
export function carrier(port: number): MicroserviceOptions & ClientOptions {
  const url = process.env.CARRIER_URL;
  if (url === undefined) return { transport: Transport.TCP, options: { host: HOST, port } };
  const { hostname, port: redisPort } = new URL(url);
  return { transport: Transport.REDIS, options: { host: hostname, port: Number(redisPort || 6379) } };
}
