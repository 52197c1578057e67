import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  seq 6 | xargs -P 6 -I{} curl -s ${url}/reports -H 'Authorization: Bearer ada-key'
  curl -s -X PUT ${url}/plan -H 'Authorization: Bearer ada-key' -H 'Content-Type: application/json' -d '{"plan":"pro"}'
  curl -s -i ${url}/reports -H 'Authorization: Bearer ada-key'
`);
