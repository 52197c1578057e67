/** How often something is tried: in every run, and in the long form, which `npm run test:long` asks for. */
export const effort = (short: number, long: number): number => (process.env.FLOODGATE_LONG ? long : short);
