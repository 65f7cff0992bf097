// The door of @zhumq/testing. InProcessCluster is for zhumq itself.
export { InProcessCluster } from './in-process-cluster.js';
export type {
  InProcessClusterOptions,
  ServerEnvironment,
  ServerName,
  ServerPorts,
} from './in-process-cluster.js';
export { startTestBroker } from './start-test-broker.js';
export type { TestBroker, TestBrokerOptions, TopicDefaults } from './test-broker-api.js';
