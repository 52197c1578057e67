// Serves an application on a free port, and says where: `node serve.mjs path/to/app.module.js`.
import 'reflect-metadata';
import { pathToFileURL } from 'node:url';
import { NestFactory } from '@nestjs/core';

const { AppModule } = await import(pathToFileURL(process.argv[2]).href);
const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
process.send(`http://127.0.0.1:${app.getHttpServer().address().port}`);
