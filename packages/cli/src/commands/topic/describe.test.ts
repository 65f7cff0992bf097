import { leaderText } from './describe.js';

test('a leader that does not answer is marked', () => {
  expect(leaderText({ leader: 2, leaderAlive: true })).toBe('2');
  expect(leaderText({ leader: 2, leaderAlive: false })).toBe('2 (not reachable)');
  expect(leaderText({ leader: -1, leaderAlive: false })).toBe('none');
});
