// The door of @zhumq/broker.
export { Broker } from './broker.js';
export type { BrokerAddresses, BrokerConfig, BrokerEnvironment } from './broker.js';
export { brokerOptions } from './options.js';
export type { BrokerOptions } from './options.js';
