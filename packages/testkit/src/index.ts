// The simulator and the checkers; for tests only.
export type {
  AckLevel,
  DeliveredRecord,
  EventKind,
  GroupGeneration,
  HistoryEvent,
  Mode,
  Outcome,
  Unstamped,
} from './history/events.js';
export { formatEvents, HistoryFile } from './history/history-file.js';
export { History } from './history/history.js';
export type { Recorder } from './history/history.js';
export { HistoryInvalid } from './history/parse-event.js';
export { readHistory } from './history/read-history.js';
export { judgeEvents, judgeFile } from './check/judge.js';
export type { Verdict } from './check/judge.js';
export { ANOMALIES } from './check/violation.js';
export type { Anomaly, Violation } from './check/violation.js';
export { runMutants } from './mutants/main.js';
export { applyEdit, editsOf } from './mutants/mutant.js';
export type { Edit, Hunt, Mutant, PitfallRow } from './mutants/mutant.js';
export { main } from './simulation/main.js';
export type { CommandOutput } from './simulation/main.js';
export { runSeed } from './simulation/run-seed.js';
export type { SeedCounts, SeedResult } from './simulation/run-seed.js';
export { SCENARIOS } from './simulation/scenarios.js';
export { SCRIPTED } from './simulation/scripted/index.js';
export { runScript } from './simulation/scripted/run-script.js';
export type { SimulationPlan } from './simulation/simulation-options.js';
