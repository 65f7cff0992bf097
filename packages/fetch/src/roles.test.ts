// Which replica leads, follows or waits, and who never leads again.
import { effectsOf, follow2, lone, loneLeader, positionAt, stateOf } from './testing/lone.js';

const roleOf = ({ core: { role, epoch, leader } }: ReturnType<typeof lone>) => ({
  role,
  epoch,
  leader,
});

test('rule 13: before the first state a replica neither leads nor follows', () => {
  const replica = lone([1, 1]);
  replica.tick(100);
  expect(roleOf(replica)).toEqual({ role: 'idle', epoch: 0, leader: undefined });
  expect(replica.core.position()).toBeUndefined();
  expect(replica.core.refusal(1)).toBe('notLeader');
  expect(replica.core.version).toBe(-1);
});

test('a leader begins its epoch with a leader-change batch and commits it', () => {
  const replica = lone([1, 1]);
  replica.assign(stateOf({ epoch: 2, isr: ['1'] }));
  expect(replica.log.epochAt(2)).toBe(2);
  expect(replica.core.established).toBe(false);
  replica.settle();
  expect(replica.core.established).toBe(true);
  expect(replica.core.highWatermark).toBe(3);
});

test('of two states the newer counts, and an epoch never goes back', () => {
  const replica = lone();
  replica.assign({ ...follow2, version: 5, epoch: 5 });
  replica.assign({ ...follow2, version: 4, epoch: 6 });
  replica.assign(stateOf({ version: 6, epoch: 4 }));
  expect(roleOf(replica)).toEqual({ role: 'follower', epoch: 5, leader: '2' });
  expect(replica.core.version).toBe(5);
  expect(replica.core.rejectedMessages).toBe(1);
});

test('a state of the same epoch changes the ISR and the minimum without a new term of office', () => {
  const leader = loneLeader();
  leader.assign(stateOf({ version: 2, isr: ['1'], minInsyncReplicas: 2 }));
  expect(effectsOf(leader, 'appendLeaderChange')).toEqual([]);
  expect(leader.core.isr).toEqual(['1']);
  expect(leader.core.refusal(-1)).toBe('notEnoughReplicas');
  expect(leader.core.refusal(1)).toBeUndefined();
});

test('rule 3: a restarted leader does not resume the epoch of its former life', () => {
  const leader = loneLeader();
  leader.produce();
  leader.losePower();
  leader.restart();
  leader.assign(stateOf());
  expect(leader.core.role).toBe('idle');
  expect(leader.core.refusal(1)).toBe('notLeader');
  // Even if the zkserver names the new incarnation: somebody may have batches of that epoch that are lost here.
  leader.assign(stateOf({ version: 2, leader: { replica: '1', incarnation: 2 } }));
  expect(leader.core.role).toBe('idle');
  leader.assign(stateOf({ version: 3, epoch: 2, leader: { replica: '1', incarnation: 2 } }));
  expect(roleOf(leader)).toEqual({ role: 'leader', epoch: 2, leader: '1' });
});

test('rule 3: an epoch in which the log has batches already is resigned, and again until it is heard', () => {
  const replica = lone([1, 2]);
  replica.assign(stateOf({ epoch: 2 }));
  expect(replica.core.role).toBe('idle');
  expect(effectsOf(replica, 'resign').map(({ epoch }) => epoch)).toEqual([2]);
  replica.tick(6);
  expect(effectsOf(replica, 'resign')).toHaveLength(3);
  replica.assign(stateOf({ epoch: 2 }));
  expect(effectsOf(replica, 'resign')).toHaveLength(4);
});

test('rule 3: an epoch has one owner; another one is asked about, not followed', () => {
  const replica = lone();
  replica.assign(follow2);
  replica.assign(stateOf({ version: 2, leader: { replica: '3', incarnation: 1 } }));
  expect(replica.core.role).toBe('idle');
  expect(effectsOf(replica, 'askState')).toHaveLength(1);
});

test('rule 4: a leader whose local write failed resigns and does nothing any more', () => {
  const leader = loneLeader();
  leader.input((core) => {
    core.localWriteFailed();
  });
  expect(effectsOf(leader, 'resign').map(({ epoch }) => epoch)).toEqual([1]);
  leader.effects = [];
  leader.assign(stateOf({ version: 9, epoch: 9 }));
  leader.tick(20);
  expect(leader.core.answer(positionAt(leader)).kind).toBe('notLeader');
  expect(leader.core.role).toBe('idle');
  expect(leader.effects).toEqual([]);
});

test('a leader that hears of a larger epoch is deposed at once and never leads in its own again', () => {
  const leader = loneLeader();
  leader.input((core) => {
    expect(core.answer(positionAt(leader, { epoch: 2 }))).toEqual({ kind: 'notLeader', epoch: 1 });
  });
  expect(leader.core.role).toBe('idle');
  expect(effectsOf(leader, 'askState')).toHaveLength(1);
  leader.assign(stateOf());
  expect(leader.core.role).toBe('idle');
  expect(effectsOf(leader, 'resign').map(({ epoch }) => epoch)).toEqual([1]);
});

test('rule 11 (b): a tainted replica does not lead, even when nobody else is left', () => {
  const replica = lone([1, 1], { tainted: true });
  replica.assign(stateOf({ epoch: 2, isr: ['1'] }));
  expect(replica.core.role).toBe('idle');
  expect(effectsOf(replica, 'resign')).toHaveLength(1);
  expect(replica.core.tainted).toBe(true);
});

test('in a reported possible loss a tainted replica leads, and its log is the truth from then on', () => {
  const replica = lone([1, 1], { tainted: true, highWatermark: 2 });
  expect(replica.core.highWatermark).toBe(0);
  replica.assign(stateOf({ epoch: 2, isr: ['1'], lossEpoch: 2 }));
  expect(replica.effects.map(({ kind }) => kind).slice(0, 3)).toEqual([
    'clearTaint',
    'roleChanged',
    'appendLeaderChange',
  ]);
  replica.settle();
  expect(replica.core.highWatermark).toBe(3);
});

test('an old state after a restart does not make a replica follow whom newer leaders have deposed', () => {
  // ISR {1, 3} committed offset 1 in epoch 5; leader 2 of epoch 4 has another log and would have it cut.
  const replica = lone([3, 3, 5]);
  replica.assign({ ...follow2, epoch: 4 });
  expect(replica.core.role).toBe('idle');
  expect(replica.core.position()).toBeUndefined();
  expect(effectsOf(replica, 'askState')).toHaveLength(1);
  replica.assign({ ...follow2, version: 2, epoch: 5 });
  expect(replica.core.role).toBe('follower');
});

test('nobody leads: idle, in silence', () => {
  const leader = loneLeader();
  leader.assign(stateOf({ version: 2, epoch: 2, leader: undefined }));
  expect(roleOf(leader)).toEqual({ role: 'idle', epoch: 2, leader: undefined });
  leader.effects = [];
  leader.tick(20);
  expect(leader.effects).toEqual([]);
});
