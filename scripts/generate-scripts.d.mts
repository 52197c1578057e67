export function renderScripts(): string;
export const generatedFile: URL;
