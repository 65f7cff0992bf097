// All scripted scenarios, in the order of the rules.
import { CLOSE_SCENARIOS } from './close.js';
import { CONTROLLER_PITFALL_SCENARIOS } from './controller-pitfalls.js';
import { COORDINATOR_SCENARIOS } from './coordinators.js';
import { DISK_SCENARIOS } from './disks.js';
import { DURABILITY_SCENARIOS } from './durability.js';
import { SHARED_LOG_SCENARIOS } from './shared-log.js';
import { SLEEP_SCENARIOS } from './sleep.js';
import { SWITCH_SCENARIOS } from './switches.js';
import { VOTE_SCENARIOS } from './votes.js';
import { FETCH_ELECTION_SCENARIOS } from './fetch-elections.js';
import { GROUP_PITFALL_SCENARIOS } from './group-pitfalls.js';
import { INPUT_SCENARIOS } from './inputs.js';
import { POSITION_PITFALL_SCENARIOS } from './position-pitfalls.js';
import { PITFALL_SCENARIOS } from './pitfalls.js';
import { SERVING_PITFALL_SCENARIOS } from './serving-pitfalls.js';
import { WAL_PITFALL_SCENARIOS } from './wal-pitfalls.js';
import type { ScriptedScenario } from './scripted-scenario.js';

export const SCRIPTED: readonly ScriptedScenario[] = [
  ...CLOSE_SCENARIOS,
  ...VOTE_SCENARIOS,
  ...DURABILITY_SCENARIOS,
  ...FETCH_ELECTION_SCENARIOS,
  ...SWITCH_SCENARIOS,
  ...SHARED_LOG_SCENARIOS,
  ...SLEEP_SCENARIOS,
  ...DISK_SCENARIOS,
  ...INPUT_SCENARIOS,
  ...COORDINATOR_SCENARIOS,
  ...PITFALL_SCENARIOS,
  ...CONTROLLER_PITFALL_SCENARIOS,
  ...SERVING_PITFALL_SCENARIOS,
  ...GROUP_PITFALL_SCENARIOS,
  ...WAL_PITFALL_SCENARIOS,
  ...POSITION_PITFALL_SCENARIOS,
];

/** By its name, or all of them as `rules`; none otherwise. */
export function scriptsNamed(name: string): readonly ScriptedScenario[] {
  return name === 'rules' ? SCRIPTED : SCRIPTED.filter((scenario) => scenario.name === name);
}
