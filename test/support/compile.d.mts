export function compileLib(programs?: readonly string[]): Promise<string>;
