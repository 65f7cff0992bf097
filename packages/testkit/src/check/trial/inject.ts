// Valid histories with one thing wrong.
import { SeededRandom } from '@zhumq/base';
import type { HistoryEvent } from '../../history/events.js';
import type { Anomaly } from '../violation.js';
import { CLUSTER_INJECTIONS } from './inject-cluster.js';
import { GROUP_INJECTIONS } from './inject-groups.js';
import { VALUE_INJECTIONS } from './inject-values.js';
import type { Injection } from './inject-values.js';
import { Specimen } from './specimen.js';
import { validHistory } from './valid-history.js';

const INJECTIONS: Readonly<Record<Anomaly, Injection>> = {
  ...VALUE_INJECTIONS,
  ...CLUSTER_INJECTIONS,
  ...GROUP_INJECTIONS,
};

/** The valid history of a seed with an anomaly put in; undefined where that history has no place for it. */
export function injured(anomaly: Anomaly, seed: number): HistoryEvent[] | undefined {
  const events = validHistory(seed, { losses: anomaly === 'reused-offset' });
  const random = new SeededRandom(seed ^ 0x5eed);
  for (const partition of [0, 1]) {
    const specimen = new Specimen(structuredClone(events), random, partition);
    if (INJECTIONS[anomaly](specimen)) return specimen.events;
  }
  return undefined;
}
