// What is wrong with a history: the anomalies by name, and one finding. docs/testing.md has a row for each anomaly.

export const ANOMALIES = {
  'inconsistent-offset': 'two values at one offset',
  'reused-offset': 'an offset that a reported loss freed, given away again in no higher epoch',
  'lost-write': 'acknowledged or read, not there, and something behind it is',
  unseen: 'acknowledged, and nobody ever read it, or anything behind it',
  'lost-leader-write': 'acks leader: lost, and not as the end of what a deposed leader had',
  duplicate: 'one value at two offsets',
  'aborted-read': 'its producer was told that it was not stored, and it is there',
  'unsent-read': 'nobody sent it, and it is there',
  'nonmonotonic-send': 'two sends of one producer lie in the other order',
  'nonmonotonic-poll': 'a consumer was given an offset again, or an earlier one, in a later poll',
  'int-nonmonotonic-poll': 'the same within one poll',
  'poll-skip': 'a consumer was not given a record that is there, between two polls',
  'int-poll-skip': 'the same within one poll',
  'uncommitted-read': 'a consumer was given what was not committed',
  'uncommitted-ack': 'acks all was answered before it was committed',
  'high-watermark-fell': 'a high watermark went back',
  'shared-ownership': 'two members of a group had one partition at a time',
  'zombie-commit': 'a commit of a member whose partition had gone to another one was taken',
  'commit-fell': 'a position of a group went back by itself',
  'unmade-commit': 'a group has a position that nobody committed',
  'undelivered-commit': 'a group has come past a record that none of its members was given',
  'unequal-replicas': 'two replicas differ where both are committed',
  'log-hole': 'an offset is missing in a replica',
  'two-leaders': 'two replicas led, or acknowledged, in one epoch',
  'rewritten-entry': 'one (epoch, offset) was written twice, differently',
  'epoch-fell': 'a record of a lower epoch lies behind one of a higher',
  'switch-lost-write':
    'S1: acknowledged before a switch, and not there after it, or behind its seal',
  'switch-two-writers': 'S2: two modes or generations had one epoch, or epochs went back',
  'switch-unfinished': 'S3: a switch did not end, or not in one mode',
  'switch-fatal-error': 'S4: a send failed for good because of a switch',
} as const;

export type Anomaly = keyof typeof ANOMALIES;

export interface Violation {
  readonly anomaly: Anomaly;
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number;
  /** Of the events that show it, rising; 1-based. */
  readonly lines: readonly number[];
  /** For people. */
  readonly sentence: string;
}

/** Where a finding lies. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export function violation(
  anomaly: Anomaly,
  { topic, partition }: Place,
  lines: readonly number[],
  sentence: string,
  offset?: number,
): Violation {
  const shown = [...new Set(lines.filter((line) => line > 0))].sort((one, other) => one - other);
  const at = offset === undefined || offset < 0 ? {} : { offset };
  return { anomaly, topic, partition, ...at, lines: shown, sentence };
}
