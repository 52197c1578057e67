export const NOTES: Readonly<Record<string, string>>;
