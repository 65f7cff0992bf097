// The door of @zhumq/bench.
export { benchConsume } from './consume-benchmark.js';
export type { ConsumeResult, ConsumeSettings } from './consume-benchmark.js';
export { benchE2e } from './e2e-benchmark.js';
export type { E2eResult, E2eSettings } from './e2e-benchmark.js';
export { benchProduce } from './produce-benchmark.js';
export type { ProduceResult, ProduceSettings } from './produce-benchmark.js';
export type { ClusterChoice } from './cluster/bench-cluster.js';
export type { ProduceLoadSettings } from './produce-phase.js';
export type { TopicSettings, Watch } from './run.js';
export type { LatencySummary } from './latency-histogram.js';
export type { Verdict } from './verdict.js';
