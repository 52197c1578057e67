import { types } from 'node:util';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';

export function checkObject(value: unknown, place: string, example: string): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new RateLimitError('INVALID_OPTION', `${place}: the options are ${show(value)}; write ${example}`);
}

/** A misspelt option must not be ignored in silence. */
export function checkKnownOptions(options: object, known: readonly string[], place: string): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    throw new RateLimitError(
      'UNKNOWN_OPTION',
      `${place}: there is no option ${JSON.stringify(option)}; write one of ${known.join(', ')}`,
    );
  }
}

export function checkText(value: unknown, place: string, example: string): asserts value is string {
  if (typeof value === 'string' && value !== '') return;
  throw new RateLimitError('INVALID_OPTION', `${place} is ${show(value)}; write ${example}`);
}

export function checkFunction(value: unknown, place: string, example: string): void {
  if (typeof value === 'function') return;
  throw new RateLimitError('INVALID_OPTION', `${place} is ${show(value)}; write ${example}`);
}

/** A function that answers at once, where nobody would await a promise. */
export function checkSynchronous(value: unknown, place: string, example: string): void {
  checkFunction(value, place, example);
  if (!types.isAsyncFunction(value)) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place} is ${show(value)}, which is async, and nobody awaits its answer; write a function that answers at once, as ${example}`,
  );
}

export function checkOneOf(value: unknown, allowed: readonly (string | boolean)[], place: string): void {
  if (allowed.includes(value as string)) return;
  const choices = allowed.map((choice) => JSON.stringify(choice)).join(' or ');
  throw new RateLimitError('INVALID_OPTION', `${place} is ${show(value)}; write ${choices}`);
}

export function checkInteger(value: unknown, min: number, max: number, place: string): void {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place} is ${show(value)}; write an integer from ${min} to ${max}`,
  );
}
