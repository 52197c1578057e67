import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  seq 5 | xargs -P 5 -I{} curl -s -X POST ${url}/comments -H 'X-User-ID: ada' -H 'Content-Type: application/json' -d '{"text":"hello"}'
  curl -i '${url}/search?q=exact+limits' -H 'X-User-ID: ada'
  seq 3 | xargs -P 3 -I{} curl -s -X POST ${url}/exports
`);
