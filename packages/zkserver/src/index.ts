// The door of @zhumq/zkserver.
export { zkServerOptions } from './options.js';
export type { ZkServerOptions } from './options.js';
export { NO_LOAD, Placer } from './placement/placer.js';
export type { BrokerIds, PlacementBroker, PlacementLoad } from './placement/placer.js';
export type { NewTopic } from './placement/place-topic.js';
export type { PlacedPartition } from './placement/rebalance.js';
export { ZkServer } from './zkserver.js';
export type { ZkServerAddresses, ZkServerConfig } from './zkserver.js';
