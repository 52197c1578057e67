import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');
const operation = (query: string) =>
  `curl -s ${url}/graphql -H 'Content-Type: application/json' -d '{"query":"${query}"}'`;

console.log(`
Listening on ${url}, with buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  ${operation('{ posts(first: 20) { title related { title } } }')}
  ${operation('{ posts(first: 50) { title } }')}
  seq 4 | xargs -P 4 -I{} ${operation('mutation { addPost(title: \\"Hello\\") { title } }')}
`);
