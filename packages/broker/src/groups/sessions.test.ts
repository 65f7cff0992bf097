import { LoneCoordinator, memberIdOf } from '../testing/groups/lone-coordinator.js';
import { LATEST_LOOK_MS, Sessions } from './sessions.js';

const [M1, M2] = [memberIdOf(1), memberIdOf(2)];

function members(): LoneCoordinator {
  const coordinator = new LoneCoordinator();
  coordinator.topics.create('a', 2);
  coordinator.join(['a'], { sessionTimeoutMs: 2_000 });
  coordinator.join(['a'], { sessionTimeoutMs: 4_000 });
  return coordinator;
}

/** Looks several times a second, as a coordinator does; gives the last result. */
function look(sessions: Sessions, coordinator: LoneCoordinator, from: number, to: number) {
  for (let now = from; now < to; now += 250) sessions.expired(coordinator.state.all(), now);
  return sessions.expired(coordinator.state.all(), to).get('g') ?? [];
}

test('who is silent for its session timeout is gone, each by its own', () => {
  const coordinator = members();
  const sessions = new Sessions();
  expect(look(sessions, coordinator, 0, 1_999)).toEqual([]);
  sessions.hear('g', M2, 1_999);
  expect(look(sessions, coordinator, 1_999, 2_000)).toEqual([M1]);
  expect(sessions.isExpired(coordinator.group(), M1, 2_000)).toBe(true);
  sessions.hear('g', M1, 2_001);
  expect(sessions.isExpired(coordinator.group(), M1, 2_001)).toBe(false);
  expect(look(sessions, coordinator, 2_001, 4_000)).toEqual([]);
});

test('a new coordinator gives everybody a whole session timeout, and so does one that stood still', () => {
  const coordinator = members();
  coordinator.succeed();
  const sessions = new Sessions();
  expect(look(sessions, coordinator, 500_000, 501_999)).toEqual([]);
  const late = 501_999 + LATEST_LOOK_MS + 1;
  expect(look(sessions, coordinator, late, late + 1_999)).toEqual([]);
  expect(look(sessions, coordinator, late + 1_999, late + 2_000)).toEqual([M1]);
});

test('one that stood still before its first look gives everybody a whole session timeout, too', () => {
  const coordinator = members();
  const sessions = new Sessions();
  sessions.hear('g', M1, 500_000);
  const late = 500_000 + LATEST_LOOK_MS + 60_000;
  expect(look(sessions, coordinator, late, late + 1_999)).toEqual([]);
  expect(look(sessions, coordinator, late + 1_999, late + 2_000)).toEqual([M1]);
});

test('strangers are not remembered', () => {
  const coordinator = members();
  const sessions = new Sessions();
  for (let count = 0; count < 100; count += 1) sessions.hear(`x${count}`, 'y', 0);
  look(sessions, coordinator, 0, 250);
  expect(
    JSON.stringify([...(sessions as unknown as { heard: Map<string, unknown> }).heard.keys()]),
  ).toBe('["g"]');
});
