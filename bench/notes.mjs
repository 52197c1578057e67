// What limits a figure that does not meet its goal, and what was tried, by hand; keyed as goals.mjs.
/** @type {Readonly<Record<string, string>>} */
export const NOTES = {};
