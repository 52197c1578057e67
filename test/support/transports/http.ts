import { expect } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Controller, Get, Query } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';
import { type Client, type Reply, readAnswer, type TransportAdapter } from './transport.js';

interface HttpRequest {
  headers: Record<string, string | undefined>;
  query: Record<string, string | undefined>;
  user?: unknown;
}

/** An application on a free port, and its URL. */
export async function listen(
  module: TestingModule,
  server: 'express' | 'fastify',
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<{ app: INestApplication; url: string }> {
  const adapter = server === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = module.createNestApplication(adapter, { logger: false });
  prepare(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, url: `http://127.0.0.1:${port}` };
}

/** Sends requests, and can give up all that are not answered yet. */
export class Fetcher {
  private readonly leaving = new AbortController();

  constructor(private readonly headers: Record<string, string> = {}) {}

  fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.headers, ...(init.headers as Record<string, string>) };
    return fetch(url, { ...init, headers, signal: this.leaving.signal });
  }

  leave(): void {
    this.leaving.abort();
  }
}

function httpClient(url: string, headers?: Record<string, string>): Client {
  const fetcher = new Fetcher(headers);
  return {
    async call(method, { cost } = {}): Promise<Reply> {
      const query = cost === undefined ? '' : `?cost=${cost}`;
      const response = await fetcher.fetch(`${url}/${method}${query}`);
      const body = await response.text();
      if (response.ok) return { answer: readAnswer(body), headers: response.headers };
      return { error: JSON.parse(body), headers: response.headers };
    },
    leave: () => fetcher.leave(),
  };
}

const http = (server: 'express' | 'fastify'): TransportAdapter => ({
  name: server,
  onClass: Controller(),
  onMethod: (method) => Get(method),
  input: () => Query(),
  isController: true,
  inputOf(context) {
    const { cost } = context.switchToHttp().getRequest<HttpRequest>().query;
    return { cost: cost === undefined ? 1 : Number(cost) };
  },
  headerOf: (context, name) => context.switchToHttp().getRequest<HttpRequest>().headers[name],
  setUser(context, user) {
    context.switchToHttp().getRequest<HttpRequest>().user = user;
  },
  async start(module) {
    const { app, url } = await listen(module, server);
    return { app, connect: async (headers) => httpClient(url, headers) };
  },
  refusal: ({ policy, retryAfterMs }) => ({
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Too Many Requests',
    status: 429,
    detail: `Request limit exceeded; retry after ${Math.ceil((retryAfterMs as number) / 1000)} s.`,
    'violated-policies': [policy],
    'retry-after-ms': retryAfterMs,
  }),
  shutdown: { statusCode: 503, code: 'SHUTTING_DOWN', message: expect.any(String) },
});

export const express = http('express');
export const fastify = http('fastify');
