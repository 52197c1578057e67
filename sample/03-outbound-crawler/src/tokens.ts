import type { Credential } from 'nestjs-floodgate';

/** Those of three accounts at the provider. Yours come from the environment or from a vault. */
export const tokens: readonly Credential<string>[] = [
  { id: 'first', value: 'token-1' },
  { id: 'second', value: 'token-2' },
  { id: 'third', value: 'token-3' },
];
