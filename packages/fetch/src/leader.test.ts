// What a leader answers, what it commits, and whom it counts in.
import {
  effectsOf,
  follow2,
  lone,
  loneLeader,
  positionAt,
  report,
  stateOf,
} from './testing/lone.js';
import type { SimReplica } from './testing/sim-replica.js';

const three = { replica: '3' };
const membersOf = (leader: SimReplica) =>
  effectsOf(leader, 'proposeIsr').map(({ isr }) => isr.map(({ replica }) => replica));

function commitAll(leader: SimReplica): void {
  leader.settle();
  report(leader);
  report(leader, three);
}

test('committed is what all in-sync replicas have on disk, the leader among them', () => {
  const leader = loneLeader();
  commitAll(leader);
  expect(leader.core.highWatermark).toBe(1);
  leader.produce();
  report(leader);
  report(leader, three);
  expect(leader.core.highWatermark).toBe(1);
  leader.effects = [];
  leader.settle();
  expect(leader.core.highWatermark).toBe(2);
  expect(leader.effects.map(({ kind }) => kind)).toEqual(['highWatermark', 'wake']);
});

test('an end that is written and not durable counts for nothing', () => {
  const leader = loneLeader();
  report(leader, { durableEnd: 0, syncedEnd: 0 });
  report(leader, three);
  expect(leader.core.highWatermark).toBe(0);
  expect(leader.core.established).toBe(false);
});

test('nothing commits before all have the first batch of the epoch', () => {
  const leader = loneLeader([1, 1], {}, { highWatermark: 1 });
  report(leader, { offset: 2 });
  report(leader, { offset: 2, ...three });
  // A follower that restarts now could still be made to follow the leader of an earlier epoch.
  expect(leader.core.highWatermark).toBe(1);
  report(leader);
  report(leader, three);
  expect(leader.core.highWatermark).toBe(3);
});

test('a position that diverges confirms nothing, however much of it is durable', () => {
  const leader = loneLeader([1, 1]);
  const stray = { offset: 3, lastEpoch: 1 };
  report(leader, three);
  leader.input((core) => {
    expect(core.answer(positionAt(leader, stray))).toEqual({
      kind: 'diverging',
      epoch: 2,
      divergingEpoch: 1,
      divergingEnd: 2,
    });
  });
  expect(leader.core.followers()[0]?.durableEnd).toBe(-1);
});

test('positions of other epochs are refused, and count for nothing', () => {
  const leader = loneLeader([1]);
  leader.input((core) => {
    expect(core.answer(positionAt(leader, { epoch: 1 }))).toEqual({ kind: 'fenced', epoch: 2 });
  });
  report(leader, three);
  expect(leader.core.highWatermark).toBe(0);
  const follower = lone();
  follower.assign(follow2);
  follower.input((core) => {
    expect(core.answer(positionAt(leader, { epoch: 7 }))).toEqual({ kind: 'notLeader', epoch: 1 });
    core.answer(positionAt(leader, { epoch: 7 }));
  });
  expect(effectsOf(follower, 'askState')).toHaveLength(1);
});

test('positions that can not be are dropped and counted', () => {
  const leader = loneLeader();
  for (const wrong of [
    { offset: -1 },
    { durableEnd: 9 },
    { syncedEnd: Number.NaN },
    { epoch: 1.5 },
    { replica: '1' },
  ]) {
    leader.input((core) => {
      expect(core.answer(positionAt(leader, wrong)).kind).toBe('notLeader');
    });
  }
  expect(leader.core.rejectedMessages).toBe(5);
  expect(leader.core.role).toBe('leader');
});

test('a follower behind the log start copies segments', () => {
  const leader = loneLeader([1, 1, 1], { isr: ['1'] });
  leader.dropBefore(2);
  leader.input((core) => {
    expect(core.answer(positionAt(leader, { offset: 1 }))).toEqual({
      kind: 'copySegments',
      epoch: 2,
    });
    expect(core.answer(positionAt(leader, { offset: 2 })).kind).toBe('records');
  });
});

test('a replica of which no state has told may read and counts for nothing', () => {
  const leader = loneLeader();
  leader.input((core) => {
    expect(core.answer(positionAt(leader, { replica: '9' })).kind).toBe('records');
  });
  expect(leader.core.followers().map(({ replica }) => replica)).toEqual(['2', '3']);
});

describe('rule 10: the maximal ISR', () => {
  test('rule 10: an expansion in flight is counted, carried out or not', () => {
    // {1, 2} is recorded; 1 proposes {1, 2, 3}; it is applied, the answer is lost; 3 may be elected.
    const leader = loneLeader([], { isr: ['1', '2'] });
    report(leader);
    report(leader, three);
    const [proposal] = effectsOf(leader, 'proposeIsr');
    expect(proposal).toMatchObject({ version: 1 });
    expect(leader.core.maximalIsr).toEqual(['1', '2', '3']);
    leader.produce();
    leader.settle();
    report(leader);
    expect(leader.core.highWatermark).toBe(1);
    leader.input((core) => {
      core.proposalUnknown(proposal?.id ?? 0);
    });
    report(leader);
    expect(leader.core.highWatermark).toBe(1);
    expect(leader.core.maximalIsr).toEqual(['1', '2', '3']);
    leader.assign(stateOf({ version: 2, isr: ['1', '2'] }));
    expect(leader.core.maximalIsr).toEqual(['1', '2']);
    expect(leader.core.highWatermark).toBe(2);
  });

  test('rule 10: a shrinking in flight frees nobody until the state says so', () => {
    const leader = loneLeader();
    commitAll(leader);
    for (let tick = 0; tick < 10; tick += 1) {
      leader.tick();
      report(leader);
    }
    leader.produce();
    leader.settle();
    report(leader);
    expect(membersOf(leader)).toEqual([['1', '2']]);
    expect(leader.core.highWatermark).toBe(1);
    leader.assign(stateOf({ version: 2, isr: ['1', '2'] }));
    expect(leader.core.highWatermark).toBe(2);
  });

  test('rule 10: with fewer than min.insync.replicas nothing commits, not even what acks 1 confirmed', () => {
    const leader = loneLeader([], { isr: ['1'], minInsyncReplicas: 2 });
    leader.produce(1);
    leader.settle();
    expect(leader.core.highWatermark).toBe(0);
    // An expansion that is proposed and not recorded is not enough either.
    report(leader);
    expect(leader.core.maximalIsr).toEqual(['1', '2']);
    expect(leader.core.highWatermark).toBe(0);
    leader.assign(stateOf({ version: 2, isr: ['1', '2'], minInsyncReplicas: 2 }));
    expect(leader.core.highWatermark).toBe(2);
  });

  test('rule 10: only ends fetched in this epoch count', () => {
    const leader = loneLeader();
    commitAll(leader);
    leader.assign(stateOf({ version: 2, epoch: 2 }));
    leader.settle();
    expect(leader.core.highWatermark).toBe(1);
    expect(leader.core.followers().map(({ durableEnd }) => durableEnd)).toEqual([-1, -1]);
    report(leader);
    report(leader, { ...three, epoch: 1 });
    expect(leader.core.highWatermark).toBe(1);
  });
});

describe('rule 11: lives and taints', () => {
  test('rule 11 (a): a member that may lack what it confirmed leaves the ISR at once', () => {
    const leader = loneLeader();
    commitAll(leader);
    leader.produce();
    leader.settle();
    report(leader, three);
    report(leader, { incarnation: 2, tainted: true });
    expect(leader.core.highWatermark).toBe(1);
    expect(membersOf(leader)).toEqual([['1', '3']]);
    expect(effectsOf(leader, 'proposeIsr')[0]?.reason).toBe('2 is tainted');
  });

  test('rule 11 (c): ends of a former life are forgotten, and its messages ignored', () => {
    const leader = loneLeader([], { isr: ['1'] });
    const late = positionAt(leader, { incarnation: 1 });
    report(leader, { incarnation: 2, offset: 0 });
    leader.input((core) => {
      core.report(late);
      expect(core.answer(late).kind).toBe('notLeader');
    });
    expect(membersOf(leader)).toEqual([]);
    report(leader, { incarnation: 2 });
    const [proposal] = effectsOf(leader, 'proposeIsr');
    expect(proposal?.isr).toContainEqual({ replica: '2', incarnation: 2 });
    leader.produce();
    report(leader, { incarnation: 2 });
    report(leader, { incarnation: 3, offset: 1 });
    expect(leader.core.followers()[0]?.durableEnd).toBe(1);
  });

  test('a taint is lifted outside the ISR only, when the replica has synced all that is committed', () => {
    const leader = loneLeader([], { isr: ['1'] });
    leader.produce();
    leader.settle();
    const tainted = { incarnation: 2, tainted: true };
    const ask = (change: object) =>
      leader.core.answer(positionAt(leader, { ...tainted, ...change }));
    expect(ask({ syncedEnd: 1 })).toMatchObject({ untaint: false, syncThrough: 2 });
    expect(ask({ syncedEnd: 2 })).toMatchObject({ untaint: true, syncThrough: 0 });
    const member = loneLeader();
    const answer = member.core.answer(positionAt(member, tainted));
    expect(answer).toMatchObject({ untaint: false });
  });

  test('a request that waits hears that the taint is lifted', () => {
    const leader = loneLeader([], { isr: ['1'] });
    report(leader, { tainted: true, syncedEnd: 0 });
    leader.effects = [];
    report(leader, { tainted: true });
    expect(effectsOf(leader, 'wake')).toHaveLength(1);
  });

  test('a request that waits is answered when a tainted replica left the ISR, though it has nothing more to report', () => {
    const leader = loneLeader();
    report(leader, { incarnation: 2, tainted: true });
    expect(membersOf(leader)).toEqual([['1', '3']]);
    leader.effects = [];
    leader.input((core) => core.assign(stateOf({ isr: ['1', '3'], version: 2 })));
    expect(effectsOf(leader, 'wake')).toHaveLength(1);
    const answer = leader.core.answer(positionAt(leader, { incarnation: 2, tainted: true }));
    expect(answer).toMatchObject({ untaint: true });
  });

  test('a position from before the taint was lifted does not bring it back', () => {
    const leader = loneLeader([], { isr: ['1'] });
    report(leader, { tainted: true });
    report(leader);
    report(leader, { tainted: true });
    expect(leader.core.followers()[0]?.tainted).toBe(false);
  });
});

describe('the ISR', () => {
  test('all that lag leave in one proposal, after the lag time, never the leader', () => {
    const leader = loneLeader();
    leader.tick(9);
    expect(membersOf(leader)).toEqual([]);
    leader.tick();
    expect(membersOf(leader)).toEqual([['1']]);
    expect(effectsOf(leader, 'proposeIsr')[0]?.isr).toEqual([{ replica: '1', incarnation: 1 }]);
  });

  test('a follower that reaches the end of a moment ago, again and again, does not lag', () => {
    const leader = loneLeader([], { isr: ['1', '2'] });
    for (let round = 0; round < 40; round += 1) {
      const offset = leader.log.logEnd;
      leader.produce();
      leader.tick();
      report(leader, { offset });
    }
    expect(effectsOf(leader, 'proposeIsr')).toEqual([]);
    expect(leader.core.followers()[0]?.ticksSinceCaughtUp).toBeLessThan(3);
  });

  test('one that reports often is measured by what it reaches, not by its last message', () => {
    const leader = loneLeader([], { isr: ['1', '2'] });
    let fetched = leader.log.logEnd;
    for (let round = 0; round < 60; round += 1) {
      leader.produce();
      leader.tick();
      report(leader, { offset: fetched });
      report(leader, { offset: fetched });
      if (round % 3 === 0) fetched = leader.log.logEnd;
    }
    expect(effectsOf(leader, 'proposeIsr')).toEqual([]);
  });

  test('one proposal at a time; a refused one is made again after a pause', () => {
    const leader = loneLeader();
    leader.tick(14);
    expect(effectsOf(leader, 'proposeIsr')).toHaveLength(1);
    leader.input((core) => {
      core.proposalSettled(1);
    });
    leader.tick(2);
    expect(effectsOf(leader, 'proposeIsr')).toHaveLength(1);
    leader.tick();
    expect(effectsOf(leader, 'proposeIsr').map(({ id }) => id)).toEqual([1, 2]);
  });

  test('a proposal without an answer is settled by another one, even if nothing is to be changed any more', () => {
    const leader = loneLeader([], { isr: ['1', '3'] });
    report(leader, three);
    report(leader);
    const [proposal] = effectsOf(leader, 'proposeIsr');
    leader.input((core) => {
      core.proposalUnknown(proposal?.id ?? 0);
    });
    // 2 comes back tainted: it will never be let in like this, and would be waited for without end.
    report(leader, { incarnation: 2, tainted: true });
    leader.effects = [];
    leader.tick(3);
    expect(effectsOf(leader, 'proposeIsr')[0]).toMatchObject({
      version: 1,
      isr: [
        { replica: '1', incarnation: 1 },
        { replica: '3', incarnation: 1 },
      ],
      reason: 'to settle an earlier proposal',
    });
  });

  test('who joins has all that is committed and the first batch of the epoch', () => {
    const leader = loneLeader([1, 1], { isr: ['1'] });
    report(leader, { offset: 2 });
    expect(effectsOf(leader, 'proposeIsr')).toEqual([]);
    report(leader, { durableEnd: 2 });
    expect(effectsOf(leader, 'proposeIsr')).toEqual([]);
    report(leader);
    expect(membersOf(leader)).toEqual([['1', '2']]);
  });

  test('who does not keep up does not join', () => {
    const leader = loneLeader([], { isr: ['1'] });
    const offset = leader.log.logEnd;
    leader.produce(1, 5);
    leader.tick();
    report(leader, { offset });
    expect(effectsOf(leader, 'proposeIsr')).toEqual([]);
  });
});

describe('rule 12: a sealed log', () => {
  test('a sealed leader takes nothing, until the seal is cut', () => {
    const leader = loneLeader();
    leader.seal();
    expect(leader.core.refusal(-1)).toBe('sealed');
    expect(leader.core.refusal(1)).toBe('sealed');
    leader.input((core) => {
      core.sealed(undefined);
    });
    expect(leader.core.refusal(1)).toBeUndefined();
  });

  test('rule 12: a seal is safe when it is synced, not merely durable, on all of the ISR and on a majority', () => {
    const leader = loneLeader([], { isr: ['1', '2'] });
    leader.seal();
    expect(effectsOf(leader, 'syncNow')).toEqual([{ kind: 'syncNow', through: 2 }]);
    expect(leader.core.answer(positionAt(leader, { syncedEnd: 1 }))).toMatchObject({
      syncThrough: 2,
    });
    leader.settle();
    report(leader, { syncedEnd: 1 });
    report(leader, three);
    expect(leader.core.highWatermark).toBe(2);
    expect(effectsOf(leader, 'sealSynced')).toEqual([]);
    report(leader);
    expect(effectsOf(leader, 'sealSynced')).toEqual([
      { kind: 'sealSynced', end: 2, replicas: ['1', '2', '3'] },
    ]);
    report(leader);
    expect(effectsOf(leader, 'sealSynced')).toHaveLength(1);
    leader.tellSeal();
    expect(effectsOf(leader, 'sealSynced')).toHaveLength(2);
  });

  test('rule 12: an ISR that is no majority of the replicas does not make a seal safe', () => {
    const leader = loneLeader([], { isr: ['1'] });
    leader.seal();
    leader.settle();
    expect(leader.core.highWatermark).toBe(2);
    expect(effectsOf(leader, 'sealSynced')).toEqual([]);
    report(leader, three);
    expect(effectsOf(leader, 'sealSynced')[0]?.replicas).toEqual(['1', '3']);
  });

  test('rule 12: a tainted replica does not make a seal safe', () => {
    const leader = loneLeader([], { isr: ['1'] });
    leader.seal();
    leader.settle();
    report(leader, { tainted: true });
    expect(effectsOf(leader, 'sealSynced')).toEqual([]);
  });

  test('rule 12: a later leader syncs its first batch with the seal, or one without it could win a Raft election', () => {
    // 2 led epoch 2 without the seal: its last epoch is above the seal's.
    const leader = loneLeader();
    leader.seal();
    leader.assign(stateOf({ version: 2, epoch: 3, isr: ['1', '3'] }));
    leader.settle();
    leader.effects = [];
    report(leader, { ...three, offset: 2 });
    expect(effectsOf(leader, 'sealSynced')).toEqual([]);
    report(leader, three);
    expect(effectsOf(leader, 'sealSynced')).toEqual([
      { kind: 'sealSynced', end: 2, replicas: ['1', '3'] },
    ]);
  });
});
