// The user of docs/redis.md, with what the page grants and nothing else: what is tested is what readers are told.
import { fenceWith, readPage } from '../docs/markdown.js';
import { ask } from './raw.js';

export interface RedisUser {
  readonly name: string;
  readonly password: string;
  /** Its password, keys and commands, as words of `ACL SETUSER`. */
  readonly rules: readonly string[];
  /** A command that the server refuses to it is a failure, though nobody else may have noticed. */
  readonly refusalsFail?: boolean;
}

/** In a run of least privilege (`npm run test:acl`), the user as whom everything of the library connects. */
export function documentedUser({ cluster = false } = {}): RedisUser | undefined {
  if (!process.env.FLOODGATE_ACL) return undefined;
  return { ...readDocumentedUser({ cluster }), refusalsFail: true };
}

/** `without`: commands that are to be missing. */
export function readDocumentedUser({ cluster = false, without = [] as readonly string[] } = {}): RedisUser {
  const page = readPage('docs/redis.md');
  const [name, ...rules] = aclWords(fenceWith(page, '', 'ACL SETUSER').code);
  const [, ...more] = cluster ? aclWords(fenceWith(page, '', '+cluster|').code) : [];
  const password = rules.find((rule) => rule.startsWith('>'))!.slice(1);
  return { name: name!, password, rules: [...rules, ...more].filter((rule) => !without.includes(rule)) };
}

/** What follows `ACL SETUSER`. */
const aclWords = (line: string): string[] => line.split(/\s+/).slice(2);

/** One of `ACL LOG`, whose fields come as lines. */
const REFUSAL = /^reason\n(.*)\ncontext\n.*\nobject\n(.*)\nusername\n(.*)$/gm;

/**
 * What the server has refused to a user, as `command get`. So it comes to light where the library or its client says
 * nothing of it. ioredis tells its version where it may, and goes on where it may not.
 */
export async function refusedTo(user: RedisUser, port: number, password?: string): Promise<string[]> {
  const auth = password === undefined ? [] : [['AUTH', password]];
  const log = String((await ask(port, [...auth, ['ACL', 'LOG', '100']])).at(-1));
  return [...log.matchAll(REFUSAL)]
    .filter(([, , object, name]) => name === user.name && object !== 'client|setinfo')
    .map(([, reason, object]) => `${reason} ${object}`);
}
