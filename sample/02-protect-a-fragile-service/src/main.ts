import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { FragileServiceClient } from './fragile-service.client.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');
const fragile = app.get(FragileServiceClient).url;

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  seq 40 | xargs -P 40 -I{} curl -s -X POST ${url}/orders
  seq 40 | xargs -P 40 -I{} curl -s -X POST ${url}/orders/unprotected
  curl -s ${fragile}/stats
`);
