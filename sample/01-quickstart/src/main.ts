import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  curl -i ${url}/ping
  curl -i -X POST ${url}/chat -H 'X-User-ID: ada' -H 'Content-Type: application/json' -d '{"text":"hello"}'
  seq 20 | xargs -P 20 -I{} curl -s -X POST ${url}/save
`);
