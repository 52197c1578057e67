export { byAll } from './by-all.js';
export { byGlobal } from './by-global.js';
export { byHeader } from './by-header.js';
export { addressKey, type ByIpOptions, byIp } from './by-ip.js';
export { byParam } from './by-param.js';
export { byRoute } from './by-route.js';
export { type ByUserOptions, byUser } from './by-user.js';
export { fromIps } from './from-ips.js';
export type { KeyResolver } from './key-resolver.js';
