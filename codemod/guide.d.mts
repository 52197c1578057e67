export const GUIDE: string;
export const SECTIONS: Readonly<Record<string, string>>;
export const LEFT: Readonly<Record<string, readonly [section: string, message: string]>>;
