// The microservice, a program of its own: `node mailer.js`. It tells whoever has started it its port.
import type { Server } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { carrier } from './carrier.js';
import { MailerModule } from './mailer.module.js';

const app = await NestFactory.createMicroservice<MicroserviceOptions>(
  MailerModule,
  carrier(Number(process.env.MAILER_PORT ?? 0)),
);
app.enableShutdownHooks();
await app.listen();
const address = process.env.CARRIER_URL ? null : app.unwrap<Server>().address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

if (process.send) process.send(port);
else console.log(`The mailer listens on port ${port}`);

// The application that started it is gone, however it ended.
process.once('disconnect', () => void app.close());
