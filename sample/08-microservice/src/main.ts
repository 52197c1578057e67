import { NestFactory } from '@nestjs/core';
import { ApiModule } from './api.module.js';

const app = await NestFactory.create(ApiModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');
const json = "-H 'Content-Type: application/json'";

console.log(`
Listening on ${url}, with messages on ${process.env.CARRIER_URL ? 'Redis' : 'TCP'}. Try:

  seq 7 | xargs -P 7 -I{} curl -s -X POST ${url}/mails ${json} -d '{"tenant":"acme","to":"ada@example.com"}'
  curl -s -X POST ${url}/newsletter ${json} -d '{"to":["bob@example.com","eve@example.com"]}'
  curl -s ${url}/stats
`);
