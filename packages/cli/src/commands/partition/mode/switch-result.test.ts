// What a switch of mode is told as, and which exit code it ends with.
import type { PartitionSwitch } from '@zhumq/client';
import { complaint, exitCodeFor, resultOf, summary } from './switch-result.js';
import type { Looked, SwitchResult } from './switch-result.js';

function result(state: string, looked: Looked, also: Partial<PartitionSwitch> = {}): SwitchResult {
  const ended = ['done', 'refused', 'given-up'].includes(state);
  const one = { partition: 3, to: 'fetch', state, ended, reason: '', mode: 'raft' } as const;
  return resultOf({ ...one, generation: 1, id: 'i', ...also }, 'raft', looked, 120);
}

test.each([
  ['seal', 'begun', 'begun', null],
  ['done', 'begun', 'done', null],
  ['seal', 'dry-run', 'under-way', null],
  ['refused', 'dry-run', 'refused', null],
  ['done', 'to-the-end', 'done', 120],
  ['given-up', 'timed-out', 'given-up', 120],
  ['close', 'timed-out', 'timed-out', null],
] as const)('the state "%s", %s, is the outcome "%s"', (state, looked, outcome, durationMs) => {
  expect(result(state, looked)).toMatchObject({ outcome, step: state, durationMs });
});

test('a dry run tells what it would begin from what goes on already', () => {
  expect(result('waiting', 'dry-run', { id: '' })).toMatchObject({ outcome: 'would-begin' });
  expect(result('close', 'dry-run', { id: 'i' })).toMatchObject({ outcome: 'under-way' });
});

test.each<[number, string[]]>([
  [0, []],
  [0, ['done', 'done']],
  [3, ['done', 'refused']],
  [3, ['done', 'close']],
  [1, ['refused', 'given-up']],
  [6, ['refused', 'close']],
])('exit code %i for %j', (code, states) => {
  expect(exitCodeFor(states.map((state) => result(state, 'timed-out')))).toBe(code);
});

test('one sentence for each that did not get there: which, what, why, and where it is', () => {
  const reason = 'two of three replicas are alive';
  const real = { topic: 't', dryRun: false, waitedMs: 0 };
  expect(complaint(real, result('done', 'to-the-end'))).toBeUndefined();
  expect(complaint(real, result('seal', 'begun'))).toBeUndefined();
  expect(complaint(real, result('refused', 'begun', { reason }))).toBe(
    `the switch of t-3 to fetch was refused: ${reason}; it stays in mode raft`,
  );
  expect(complaint(real, result('given-up', 'to-the-end', { reason }))).toBe(
    `the switch of t-3 to fetch was given up: ${reason}; it is in mode raft`,
  );
  expect(complaint({ ...real, waitedMs: 30_000 }, result('seal', 'timed-out'))).toBe(
    'the switch of t-3 to fetch did not end within 30 s; it is at the step "seal", and goes on without this command. "zhumq partition describe t --partition 3" shows which replicas are missing; the same command with a longer --timeout looks on',
  );
  const dry = { ...real, dryRun: true };
  expect(complaint(dry, result('refused', 'dry-run', { reason }))).toBe(
    `the switch of t-3 to fetch would be refused: ${reason}; it stays in mode raft`,
  );
  expect(complaint(dry, result('refused', 'dry-run', { reason, to: 'raft' }))).toBe(
    `t-3 is in mode raft at present, but a switch to raft would be refused: ${reason}`,
  );
});

test('the summary counts outcomes', () => {
  const results = ['done', 'done', 'refused'].map((state) => result(state, 'to-the-end'));
  expect(summary(results)).toBe('3 partitions: 2 done, 1 refused');
});
