// The door of @zhumq/zkserver.
export { zkServerOptions } from './options.js';
export type { ZkServerOptions } from './options.js';
export { ZkServer } from './zkserver.js';
export type { ZkServerAddresses, ZkServerConfig } from './zkserver.js';
