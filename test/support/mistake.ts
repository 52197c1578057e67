import { expect } from '@jest/globals';
import type { RateLimitErrorCode } from '../../lib/errors/codes.js';
import { RateLimitError } from '../../lib/errors/rate-limit.error.js';

/** What a message must say: where the mistake is, what was written there with its type, and what to write instead. */
export interface Mistake {
  readonly code: RateLimitErrorCode;
  /** What the message begins with. */
  readonly place: string;
  readonly value: string;
  readonly fix: string;
}

/** Does what must be refused, with such a message. */
export async function expectMistake(act: () => unknown, { code, place, value, fix }: Mistake): Promise<void> {
  const error = await failure(act);
  // Anything but our own error is a defect of the library, and worth its whole stack.
  if (!(error instanceof RateLimitError)) throw error;
  const { message } = error;
  expect({ code: error.code, message }).toEqual({ code, message: expect.stringContaining(value) });
  expect(message.slice(0, place.length)).toBe(place);
  expect(message).toContain(fix);
  expect(message.endsWith(` [${code}]`)).toBe(true);
}

async function failure(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return new Error('nothing was refused');
}
