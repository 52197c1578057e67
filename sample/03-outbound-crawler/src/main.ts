import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { ProviderClient } from './provider.client.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');
const provider = app.get(ProviderClient).url;

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  curl -s -X POST ${url}/crawl
  curl -s ${url}/crawl
  curl -s ${provider}/stats
`);
