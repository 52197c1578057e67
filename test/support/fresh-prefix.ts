/** A prefix that no other test has. It begins as the default one, for whose keys docs/redis.md grants permissions. */
export const freshPrefix = (suite: string): string => `floodgate:${suite}-${Math.random()}`;
