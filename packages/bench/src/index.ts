// The door of @zhumq/bench.
export { benchProduce } from './produce-benchmark.js';
export type { ClusterChoice } from './cluster/bench-cluster.js';
export type { LoadSettings, ProduceResult, Progress } from './produce-benchmark.js';
export { MIN_PAYLOAD_BYTES } from './payload.js';
