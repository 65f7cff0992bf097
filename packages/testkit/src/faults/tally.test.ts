// Figures of rounds: quantiles, and what was late.
import type { FinishedRound } from './rounds.js';
import { RAFT_BOUND_MS, Tally } from './tally.js';

const round = (more: Partial<FinishedRound>): FinishedRound => ({
  ...{ number: 1, nemesis: 'kill-broker', target: 'broker-1', resumes: 'bounded', seconds: 1 },
  ...{ times: {}, stalled: [], ...more },
});

test('rounds with a bound are kept apart, and late ones are counted', () => {
  const tally = new Tally();
  for (let ms = 1; ms <= 100; ms++) tally.add(round({ times: { 'raft/all': ms * 10 } }));
  tally.add(round({ times: { 'raft/all': RAFT_BOUND_MS + 1 } }));
  tally.add(
    round({ nemesis: 'partition-ring', resumes: 'meanwhile', times: { 'raft/all': 9_000 } }),
  );
  expect(tally.resumeMs['raft/all']).toEqual({
    ...{ rounds: 101, p50: 510, p99: 1_000, longest: RAFT_BOUND_MS + 1 },
    ...{ boundMs: RAFT_BOUND_MS, late: 1 },
  });
  expect(tally.otherResumeMs['raft/all']).toMatchObject({ rounds: 1, longest: 9_000 });
  expect([tally.killRounds, tally.partitions]).toEqual([101, 1]);
});

test('who had to wait for the end of a fault is counted once a round', () => {
  const tally = new Tally();
  tally.add(round({ stalled: ['raft/all-0', 'raft/all-1'] }));
  expect(tally.stalled).toBe(1);
});
