// The door of @zhumq/broker.
export { Broker } from './broker.js';
export type { BrokerAddresses, BrokerConfig, BrokerEnvironment } from './broker.js';
export type { Partition } from './partition/partition.js';
export { brokerOptions } from './options.js';
export type { BrokerOptions } from './options.js';
export type { MakeRecordGateway, RecordGateway, RecordGatewayParts } from './record-gateway.js';
