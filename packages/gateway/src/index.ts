// The door of @zhumq/gateway: the record-level API that programs in any language call at any broker.
export { RecordGateway } from './record-gateway.js';
export type { GatewayOptions, RecordGatewayParts } from './record-gateway.js';
