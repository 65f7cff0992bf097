import { leaderText } from './describe.js';

test('a leader that does not answer is marked', () => {
  const partition = {
    ...{ partition: 0, leader: 2, leaderAlive: true, epoch: 1, mode: 'raft', generation: 1 },
    ...{ replicas: [2, 1], inSync: [] },
  } as const;
  expect(leaderText(partition)).toBe('2');
  expect(leaderText({ ...partition, leaderAlive: false })).toBe('2 (not reachable)');
  expect(leaderText({ ...partition, leader: -1, leaderAlive: false })).toBe('none');
});
