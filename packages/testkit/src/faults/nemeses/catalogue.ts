// All nemeses by name, and the families that stand for several.
import { clockJump } from './clock-jump.js';
import { diskFull } from './disk-full.js';
import { killAll, killBroker, killSeveral, killZkserver, killZookeeper } from './kill.js';
import type { Need, Nemesis } from './nemesis.js';
import {
  partitionClients,
  partitionMajority,
  partitionOne,
  partitionOneWay,
  partitionRing,
} from './partition.js';
import { pause } from './pause.js';
import { restart } from './restart.js';
import { slowNetwork } from './slow-network.js';
import { storeLoss } from './store-loss.js';

export const NEMESES = {
  'kill-broker': killBroker,
  'kill-zkserver': killZkserver,
  'kill-zookeeper': killZookeeper,
  'kill-several': killSeveral,
  'kill-all': killAll,
  'store-loss': storeLoss,
  pause,
  restart,
  'partition-one': partitionOne,
  'partition-majority': partitionMajority,
  'partition-ring': partitionRing,
  'partition-one-way': partitionOneWay,
  'partition-clients': partitionClients,
  'slow-network': slowNetwork,
  'disk-full': diskFull,
  'clock-jump': clockJump,
} as const satisfies Record<string, Nemesis>;

export type NemesisName = keyof typeof NEMESES;

export function nemesisOf(name: NemesisName): Nemesis {
  return NEMESES[name];
}

const NAMES = Object.keys(NEMESES) as NemesisName[];

/** A list such as "kill,pause,partition-ring"; a word that is no name stands for all that begin with it. Throws with a sentence. */
export function namesOf(list: string): NemesisName[] {
  if (list === 'all') return NAMES;
  if (list === 'none') return [];
  const chosen = new Set<NemesisName>();
  for (const word of list.split(',').map((one) => one.trim())) {
    const exact = NAMES.filter((name) => name === word);
    const found = exact.length > 0 ? exact : NAMES.filter((name) => name.startsWith(`${word}-`));
    if (found.length === 0)
      throw new Error(`--nemesis ${word}: it takes all, none, or some of ${NAMES.join(', ')}`);
    for (const name of found) chosen.add(name);
  }
  return [...chosen];
}

/** Those that a machine can do. */
export function possible(names: readonly NemesisName[], offers: ReadonlySet<Need>): NemesisName[] {
  return names.filter((name) => {
    const needs = nemesisOf(name).needs;
    return needs === undefined || needs.some((need) => offers.has(need));
  });
}
