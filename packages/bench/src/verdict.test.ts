import type { ProduceOutcome, ReadOutcome } from './load/jobs.js';
import { MessageSet } from './message-set.js';
import { judge } from './verdict.js';

function setOf(...sequences: readonly number[]): Uint8Array {
  const set = new MessageSet();
  for (const sequence of sequences) set.add(sequence);
  return set.bytes;
}

const PRODUCED: ProduceOutcome = {
  ...{ measured: 3, seconds: 1, latency: new Float64Array(), longestPauseMs: 0, failures: {} },
  producers: [{ producer: 0, sent: 4, acknowledged: setOf(0, 1, 3) }],
};

function readOf(...sequences: readonly number[]): ReadOutcome {
  return {
    ...{ messages: sequences.length, seconds: 1, beganUs: 0, lastUs: 1 },
    ...{ latency: new Float64Array(), duplicated: 0, corrupt: 0, reordered: 0 },
    read: [{ producer: 0, sequences: setOf(...sequences) }],
  };
}

test('what was acknowledged and read is verified; what was sent without an answer may be there', () => {
  for (const sequences of [
    [0, 1, 3],
    [0, 1, 2, 3],
  ]) {
    const verdict = judge([PRODUCED], [readOf(...sequences)], 'all');
    expect(verdict).toMatchObject({ sent: 4, acknowledged: 3, lost: 0, verified: true });
  }
});

test('what was acknowledged and not read is lost', () => {
  expect(judge([PRODUCED], [readOf(0, 3)], 'all')).toMatchObject({ lost: 1, verified: false });
  expect(judge([PRODUCED], [], 'all')).toMatchObject({ lost: 3, verified: false });
});

test('with acks none nothing is promised, so nothing is lost', () => {
  expect(judge([PRODUCED], [readOf(0)], 'none')).toMatchObject({
    ...{ acknowledged: 0, lost: 0, verified: true },
  });
});

test('what two readers of different partitions have read is there twice', () => {
  const twice = [readOf(0, 1), readOf(1, 3)];
  expect(judge([PRODUCED], twice, 'all')).toMatchObject({ duplicated: 1, verified: false });
  const group = judge([PRODUCED], twice, 'all', 'at least once');
  expect(group).toMatchObject({ duplicated: 1, verified: true });
});

test.each(['corrupt', 'duplicated', 'reordered'] as const)(
  '%s messages are not verified',
  (kind) => {
    const read = { ...readOf(0, 1, 3), [kind]: 1 };
    expect(judge([PRODUCED], [read], 'all').verified).toBe(false);
  },
);
