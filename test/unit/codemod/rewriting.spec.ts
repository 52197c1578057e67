// What the codemod makes of a piece of source, and what it leaves to its reader.
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { migrate } from '../../../codemod/migrate.mjs';

const MODULE = `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';

@Module({
  imports: [ThrottlerModule.forRoot([{ limit: 10, ttl: 60_000 }, { name: 'long', limit: 100, ttl: 3_600_000 }])],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})
export class AppModule {}
`;

/** A piece of a class `Cats`, which an application with the limits `default` and `long` has. */
function rewriteClass(decorators: string, members = ''): { text: string; messages: string[] } {
  const text = `import { UseGuards } from '@nestjs/common';
import { seconds, SkipThrottle, Throttle, ThrottlerGuard } from '@nestjs/throttler';

${decorators}
class Cats {
${members}
}
`;
  return rewrite(text, MODULE);
}

function rewrite(text: string, module?: string): { text: string; messages: string[] } {
  const files = [{ path: 'cats.ts', text }, ...(module ? [{ path: 'app.module.ts', text: module }] : [])];
  const { changes, findings } = migrate(ts, files);
  return {
    text: changes.find(({ path }) => path === 'cats.ts')?.after ?? text,
    messages: findings
      .filter(({ path }) => path === 'cats.ts')
      .map(
        ({ line, message, section, isDone }) => `${line} ${isDone ? 'note' : 'todo'} ${section}: ${message}`,
      ),
  };
}

const body = (text: string): string => text.replaceAll(/^import.*\n/gm, '').trimStart();

describe('decorators', () => {
  it.each<[title: string, before: string, after: string]>([
    [
      'a limit',
      '@Throttle({ default: { limit: 5, ttl: 1000 } })',
      "@SkipRateLimit('default')\n@TokenBucket({ capacity: 5, rate: '5/s' })",
    ],
    [
      'a helper of time',
      '@Throttle({ default: { ttl: seconds(90), limit: 5 } })',
      "@SkipRateLimit('default')\n@TokenBucket({ rate: '5/90s', capacity: 5 })",
    ],
    [
      'a limit that takes its time from the module',
      '@Throttle({ long: { limit: 5 } })',
      "@SkipRateLimit('long')\n@TokenBucket({ capacity: 5, rate: '5/h' })",
    ],
    [
      'a time that takes its limit from the module',
      '@Throttle({ long: { ttl: 1000 } })',
      "@SkipRateLimit('long')\n@TokenBucket({ capacity: 100, rate: '100/s' })",
    ],
    [
      'two limits',
      '@Throttle({ default: { limit: 5, ttl: 1500 }, long: { limit: 6, ttl: 86_400_000 * 2 } })',
      "@SkipRateLimit('default', 'long')\n@TokenBucket({ capacity: 5, rate: '5/1500ms' })\n@TokenBucket({ capacity: 6, rate: '6/2day' })",
    ],
    [
      'a tracker',
      '@Throttle({ long: { getTracker: (req) => req.user.id } })',
      "@SkipRateLimit('long')\n@TokenBucket({ capacity: 100, rate: '100/h', key: byAll((context) => ((req) => req.user.id)(context.switchToHttp().getRequest()), byRoute()) })",
    ],
    ['a skip', '@SkipThrottle()', "@SkipRateLimit('default')"],
    ['skips by name', "@SkipThrottle({ long: true, 'default': true })", "@SkipRateLimit('long', 'default')"],
    [
      'a skip beside a limit',
      '@SkipThrottle({ long: true })\n@Throttle({ default: { limit: 1, ttl: 1000 } })',
      "@SkipRateLimit('default', 'long')\n@TokenBucket({ capacity: 1, rate: '1/s' })",
    ],
    ['a negated skip of nothing', '@SkipThrottle({ long: false })', ''],
    [
      'no block',
      '@Throttle({ default: { limit: 5, ttl: 1000, blockDuration: 0 } })',
      "@SkipRateLimit('default')\n@TokenBucket({ capacity: 5, rate: '5/s' })",
    ],
    [
      'no block, and nothing else',
      '@Throttle({ default: { blockDuration: 0 } })',
      "@SkipRateLimit('default')\n@TokenBucket({ capacity: 10, rate: '10/min' })",
    ],
    [
      'comments',
      '@Throttle({\n  // few\n  default: { limit: 5, /* each */ ttl: 1000 },\n})',
      "// few\n@SkipRateLimit('default')\n@TokenBucket({ capacity: 5, /* each */ rate: '5/s' })",
    ],
    [
      'a neighbour on the same line',
      '@Injectable() @SkipThrottle()',
      "@Injectable() @SkipRateLimit('default')",
    ],
    ['another guard beside the second guard', '@UseGuards(Auth, ThrottlerGuard)', '@UseGuards(Auth)'],
    ['a name that no throttler has', '@SkipThrottle({ short: true })', ''],
  ])('%s', (_, before, after) => {
    expect(body(rewriteClass(before).text)).toBe(`${after}${after && '\n'}class Cats {\n\n}\n`);
  });

  it('of a method change what the class says, by the name that its limit is given', () => {
    const { text } = rewriteClass(
      '@Throttle({ default: { limit: 5, ttl: 1000 } })',
      '  @Throttle({ default: { limit: 1 } }) find() {}\n\n  @SkipThrottle()\n  all() {}',
    );

    expect(body(text)).toBe(`@SkipRateLimit('default')
@TokenBucket({ name: 'Cats-default', capacity: 5, rate: '5/s' })
class Cats {
  @SkipRateLimit('Cats-default') @TokenBucket({ capacity: 1, rate: '1/s' }) find() {}

  @SkipRateLimit('Cats-default')
  all() {}
}
`);
  });

  it('that limit what the class skips have a bucket of their own', () => {
    const { text } = rewriteClass(
      '@SkipThrottle({ default: true })',
      '  @SkipThrottle({ default: false })\n  find() {}',
    );

    expect(body(text)).toBe(
      "@SkipRateLimit('default')\nclass Cats {\n  @TokenBucket({ capacity: 10, rate: '10/min' })\n  find() {}\n}\n",
    );
  });
});

describe('what it cannot know or say', () => {
  it.each<[title: string, source: string, message: RegExp]>([
    ['a decorator of a variable', '@Throttle(strict)', /^4 todo dynamic: Throttle: /],
    [
      'a limit of a variable',
      '@Throttle({ default: { limit: LIMIT, ttl: 1000 } })',
      /^4 todo dynamic: Throttle: /,
    ],
    ['a limit of a function', '@Throttle({ default: { limit: () => 5, ttl: 1000 } })', /^4 todo dynamic: /],
    [
      'a limit of nothing',
      '@Throttle({ default: { limit: 0 } })',
      /^4 todo override: limit 0 in 60000 ms is no bucket/,
    ],
    ['a spread', '@SkipThrottle({ ...all })', /^4 todo dynamic: SkipThrottle: /],
  ])('%s stays', (_, source, message) => {
    const { text, messages } = rewriteClass(source);

    expect(body(text)).toBe(`${source}\nclass Cats {\n\n}\n`);
    expect(messages).toContainEqual(expect.stringMatching(message));
  });

  it('a block goes on as an option that does not boot', () => {
    const { text, messages } = rewriteClass(
      '@Throttle({ default: { limit: 5, ttl: 1000, blockDuration: 9 } })',
    );

    expect(text).toContain("@TokenBucket({ capacity: 5, rate: '5/s', blockDuration: 9 })");
    expect(messages).toEqual([expect.stringMatching(/^4 todo block: blockDuration has no counterpart/)]);
  });

  it.each([
    ['an extended guard', 'class Own extends ThrottlerGuard {}', 'ownGuard'],
    ['a storage', 'const storage = new ThrottlerStorageService();', 'storage'],
    ['an exception that is thrown', "throw new ThrottlerException('no');", 'refusal'],
    ['an asynchronous module', 'const imports = [ThrottlerModule.forRootAsync({ useFactory })];', 'async'],
    ['limits of a variable', 'const imports = [ThrottlerModule.forRoot(limits)];', 'dynamic'],
    ['limits that are spread', 'const imports = [ThrottlerModule.forRoot([...limits])];', 'dynamic'],
    ['a module without forRoot', 'const imports = [ThrottlerModule];', 'module'],
    ['everything of the package', "import * as throttler from '@nestjs/throttler';", 'module'],
    ['what is loaded later', "const throttler = await import('@nestjs/throttler');", 'module'],
  ])('%s stays, with its line and where to read on', (_, code, section) => {
    const names = 'ThrottlerException, ThrottlerGuard, ThrottlerModule, ThrottlerStorageService';
    const source = `import { ${names} } from '@nestjs/throttler';\n${code}\n`;
    const { text, messages } = rewrite(source);

    expect(text).toBe(source);
    expect(messages).toEqual([expect.stringContaining(`2 todo ${section}: `)]);
  });

  it('the guard stays as long as the module does, or nothing would be limited', () => {
    const source = MODULE.replace('forRoot([', 'forRoot([...more, ');
    const { text, messages } = rewrite(source);

    expect(text).toBe(source);
    expect(messages.map((message) => message.split(':')[0])).toEqual(['6 todo dynamic', '7 todo ownGuard']);
  });

  it('a limit where no guard is bound has no effect today, and stays', () => {
    const unbound = MODULE.replace(/ {2}providers.*\n/, '');
    const source =
      "import { Throttle } from '@nestjs/throttler';\n@Throttle({ default: { limit: 1 } })\nclass Cats {}\n";
    const { text, messages } = rewrite(source, unbound);

    expect(text).toBe(source);
    expect(messages[0]).toMatch(/^2 todo guard: no throttler guard is bound here/);
  });
});

it('a limit of a class whose methods have the guard stays, and so does what it is the limit of', () => {
  const unbound = MODULE.replace(/ {2}providers.*\n/, '');
  const source = `import { Throttle, ThrottlerGuard } from '@nestjs/throttler';
@Throttle({ default: { limit: 3, ttl: 1000 } })
class Cats {
  @UseGuards(ThrottlerGuard) find() {}
  @UseGuards(ThrottlerGuard) @Throttle({ default: { limit: 2 } }) all() {}
}
`;
  const { text, messages } = rewrite(source, unbound);

  expect(text).toBe(source);
  expect(messages[0]).toMatch(/^2 todo guard: this is the limit of the methods that have the guard/);
});

describe('the guard of the application', () => {
  it.each([
    ['the other way round', '{ useClass: ThrottlerGuard, provide: APP_GUARD }'],
    ['with a comment between', '{ provide: APP_GUARD, /* limits */ useClass: ThrottlerGuard }'],
    ['with a scope', '{ provide: APP_GUARD, scope: Scope.DEFAULT, useClass: ThrottlerGuard }'],
  ])('written %s, makes the limits those of every route', (_, provider) => {
    const source = MODULE.replace('{ provide: APP_GUARD, useClass: ThrottlerGuard }', provider);
    const { text, messages } = rewrite(source);

    expect(text).not.toContain('ThrottlerGuard');
    expect(text).toMatch(/^ {4}global: \[/m);
    expect(messages).toEqual([]);
  });

  it.each([
    ['made by a factory', '{ provide: APP_GUARD, useFactory: () => new ThrottlerGuard() }'],
    ['that extends it, the other way round', '{ useClass: Own, provide: APP_GUARD }'],
    ['that extends it, with a scope', '{ provide: APP_GUARD, scope: Scope.DEFAULT, useClass: Own }'],
  ])('%s stays, and the limits are those of every route all the same', (_, provider) => {
    const source = MODULE.replace('{ provide: APP_GUARD, useClass: ThrottlerGuard }', provider);
    const { text } = rewrite(`${source}class Own extends ThrottlerGuard {}\n`);

    expect(text).toContain(provider);
    expect(text).toMatch(/^ {4}global: \[/m);
  });

  it('is none where another guard is bound, and that of the throttler is named elsewhere', () => {
    const { text } = rewrite(MODULE.replace('useClass: ThrottlerGuard', 'useClass: AuthGuard'));

    expect(text).toMatch(/^ {4}policies: \[/m);
  });
});

describe('the options of the module', () => {
  const options = (text: string) =>
    rewrite(
      `import { ThrottlerModule } from '@nestjs/throttler';\nThrottlerModule.forRoot({ ${text}, throttlers: [{ limit: 1, ttl: 1000 }] });\n`,
    );

  it.each([
    ["errorMessage: 'Slow down'", "refusal: { message: 'Slow down' }"],
    ['ipv6SubnetPrefix: 56', 'key: byAll(byIp({ ipv6Prefix: 56 }), byRoute())'],
    ['setHeaders: false', "headers: 'none'"],
    ['setHeaders: true', "headers: 'legacy'"],
    ['skipIf: isInternal', 'skip: isInternal'],
    [
      'getTracker: tracker',
      'key: byAll((context) => (tracker)(context.switchToHttp().getRequest(), context), byRoute())',
    ],
  ])('%s', (before, after) => {
    const { text, messages } = options(before);

    expect(text).toContain(after);
    expect(text).not.toContain(before);
    expect(messages).toEqual([]);
  });

  it.each([
    ['storage: new RedisStorage()', 'storage'],
    ['generateKey: (context, tracker) => tracker', 'key'],
    ['ignoreUserAgents: [/bot/]', 'skipIf'],
    ['errorMessage: () => text', 'refusal'],
  ])('%s stays, and the boot refuses it', (before, section) => {
    const { text, messages } = options(before);

    expect(text).toContain(`${before},`);
    expect(text).toContain('RateLimitModule.forRoot({');
    expect(messages).toEqual([expect.stringMatching(`^2 todo ${section}: `)]);
  });
});

describe('imports', () => {
  it('keep what is still used, and the quotes', () => {
    const { text } = rewrite(
      'import { SkipThrottle as Skip, Throttle } from "@nestjs/throttler"\n@Skip()\n@Throttle(strict)\nclass Cats {}\n',
    );

    expect(text).toBe(
      'import { SkipRateLimit } from "nestjs-floodgate"\nimport { Throttle } from "@nestjs/throttler"\n@SkipRateLimit(\'default\')\n@Throttle(strict)\nclass Cats {}\n',
    );
  });

  it('take no name twice', () => {
    const { text } = rewrite(
      "import { SkipThrottle } from '@nestjs/throttler';\nimport { SkipRateLimit } from 'nestjs-floodgate';\n@SkipThrottle()\nclass Cats {}\n",
    );

    expect(text).toBe(
      "import { SkipRateLimit } from 'nestjs-floodgate';\n@SkipRateLimit('default')\nclass Cats {}\n",
    );
  });
});
