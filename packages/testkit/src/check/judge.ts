// All checks over one history, and what came of them.
import type { HistoryEvent } from '../history/events.js';
import { readHistory } from '../history/read-history.js';
import { highWatermarksRise, onlyCommittedLeaves } from './commitment.js';
import { HistoryIndex } from './history-index.js';
import { epochsHaveOneLeader } from './leaders.js';
import { leadersLoseEnds } from './leader-suffix.js';
import { nothingLost } from './lost-writes.js';
import { offsetsAgree } from './offsets.js';
import { readsKeepOrder, sendsKeepOrder } from './order.js';
import { membersShareNothing } from './ownership.js';
import { positionsAreKept } from './positions.js';
import { replicasAreEqual } from './replicas.js';
import { switchesKeepPromises } from './switches.js';
import { nothingTwice, onlyWhatWasSent } from './values.js';
import type { Anomaly, Violation } from './violation.js';

type Check = (history: HistoryIndex) => Iterable<Violation>;

const CHECKS: readonly Check[] = [
  ...[offsetsAgree, nothingLost, leadersLoseEnds, nothingTwice, onlyWhatWasSent],
  ...[sendsKeepOrder, readsKeepOrder, onlyCommittedLeaves, highWatermarksRise],
  ...[epochsHaveOneLeader, replicasAreEqual, switchesKeepPromises],
  ...[membersShareNothing, positionsAreKept],
];

/** Violations of one anomaly that are kept; all are counted. */
const KEPT = 20;

export interface Verdict {
  /** From the header of the history; empty without one. */
  readonly run: string;
  /** Events by kind. */
  readonly events: Readonly<Record<string, number>>;
  readonly violations: number;
  /** How many of each. */
  readonly anomalies: Readonly<Partial<Record<Anomaly, number>>>;
  /** The first few of each anomaly. */
  readonly examples: readonly Violation[];
}

export function judge(history: HistoryIndex): Verdict {
  const anomalies: Partial<Record<Anomaly, number>> = {};
  const examples: Violation[] = [];
  let violations = 0;
  for (const check of CHECKS) {
    for (const found of check(history)) {
      const count = (anomalies[found.anomaly] ?? 0) + 1;
      anomalies[found.anomaly] = count;
      violations += 1;
      if (count <= KEPT) examples.push(found);
    }
  }
  const events = Object.fromEntries(history.counts);
  return { run: history.run, events, violations, anomalies, examples };
}

/** Throws HistoryInvalid for a history that contradicts itself. */
export function judgeEvents(events: readonly HistoryEvent[]): Verdict {
  const history = new HistoryIndex();
  events.forEach((event, index) => history.add(event, index + 1));
  return judge(history);
}

/** Throws HistoryInvalid. */
export async function judgeFile(file: string): Promise<Verdict> {
  const history = new HistoryIndex();
  await readHistory(file, (event, line) => history.add(event, line));
  return judge(history);
}
