import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';

/** Listens to what the module warns of; NestJS itself warns too, where a boot takes long. Ends with `jest.restoreAllMocks()`. */
export function listenToWarnings(): () => unknown[] {
  const { mock } = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  const isOurs = (_: unknown, call: number) =>
    (mock.contexts[call] as unknown as { context?: string }).context === 'RateLimitModule';
  return () => mock.calls.filter(isOurs).map(([message]: unknown[]) => message);
}
