// What every metadata store must do, and the election over it, as a list of cases; the tests of each implementation run
// all of them, each in a world of its own. Free of the test runner.
import { elections } from './contract/elections.js';
import { multis } from './contract/multis.js';
import { nodes } from './contract/nodes.js';
import { sessions } from './contract/sessions.js';
import { watches } from './contract/watches.js';
import type { ContractCase } from './contract/world.js';

export { connected, eventually } from './contract/world.js';
export type { ContractCase, ContractWorld } from './contract/world.js';

export const storeContract: readonly ContractCase[] = [
  ...nodes,
  ...multis,
  ...watches,
  ...sessions,
  ...elections,
];
