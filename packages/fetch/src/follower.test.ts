// What a follower asks, what it takes, and what it never cuts.
import {
  diverging,
  effectsOf,
  follow2,
  loneFollower,
  receive,
  records,
  stateOf,
} from './testing/lone.js';
import type { ReceivedAnswer } from './types.js';
import type { SimReplica } from './testing/sim-replica.js';

const kindsOf = (replica: SimReplica) => replica.effects.map(({ kind }) => kind);

test('a follower asks from its end on, and tells what is on disk', () => {
  const follower = loneFollower([1, 1]);
  receive(follower, records(follower, [2]));
  expect(kindsOf(follower)).toEqual(['append', 'positionChanged']);
  expect(follower.core.position()).toEqual({
    replica: '1',
    incarnation: 1,
    epoch: 2,
    offset: 3,
    lastEpoch: 2,
    durableEnd: 2,
    syncedEnd: 2,
    tainted: false,
  });
  follower.effects = [];
  follower.settle();
  expect(effectsOf(follower, 'positionChanged')).not.toEqual([]);
  expect(follower.core.position()).toMatchObject({ durableEnd: 3, syncedEnd: 3 });
});

test('answers of other leaders, epochs and positions are ignored', () => {
  const follower = loneFollower([1, 1]);
  const answer = records(follower, [2]);
  const others = [{ leader: '3' }, { epoch: 1 }, { offset: 1 }] as const;
  for (const other of others) receive(follower, { ...answer, ...other } as ReceivedAnswer);
  expect(follower.effects).toEqual([]);
  receive(follower, answer);
  follower.effects = [];
  receive(follower, answer);
  expect(follower.effects).toEqual([]);
});

test('KIP-320: every epoch is begun by comparing the logs, also when the leader stays', () => {
  const follower = loneFollower([1, 1]);
  receive(follower, records(follower, [2, 2], { highWatermark: 2 }));
  follower.settle();
  const before = records(follower, [2], { highWatermark: 5 });
  follower.assign({ ...follow2, version: 2, epoch: 3 });
  expect(follower.core.position()).toMatchObject({ epoch: 3, offset: 4, lastEpoch: 2 });
  follower.effects = [];
  // What the same leader said in the epoch before is no answer to this position, and moves no high watermark.
  receive(follower, before);
  expect(follower.effects).toEqual([]);
  expect(follower.core.highWatermark).toBe(2);
  receive(follower, diverging(follower, 2, 3));
  expect(effectsOf(follower, 'truncate')).toMatchObject([{ from: 3 }]);
  expect(follower.core.position()).toMatchObject({ offset: 3, lastEpoch: 2 });
});

test('rule 22: batches with holes, falling epochs or epochs above the leader are dropped and counted', () => {
  const follower = loneFollower([1, 3]);
  const good = records(follower, [4, 4]);
  const [one, two] = good.batches;
  if (one === undefined || two === undefined) throw new Error('no batches');
  for (const batches of [[two], [one, one], [{ ...one, epoch: 2 }], [{ ...one, epoch: 5 }]]) {
    receive(follower, { ...good, batches });
    follower.tick();
  }
  expect(effectsOf(follower, 'append')).toEqual([]);
  expect(follower.core.rejectedMessages).toBe(4);
  receive(follower, good);
  expect(follower.log.logEnd).toBe(4);
});

test('rule 18: the high watermark of a leader counts only for what agrees with it, and never falls', () => {
  // A straggler with its own records 2..4 of epoch 1; the leader committed 5 others.
  const follower = loneFollower([1, 1, 1, 1, 1], { highWatermark: 1 }, { epoch: 3 });
  receive(follower, diverging(follower, 1, 2));
  expect(follower.core.highWatermark).toBe(1);
  receive(follower, records(follower, [2], { highWatermark: 5 }));
  expect(follower.core.highWatermark).toBe(3);
  receive(follower, records(follower, [], { highWatermark: 2 }));
  expect(follower.core.highWatermark).toBe(3);
});

test('rule 18: a new leader serves no more than it knew as a follower until its first batch is committed', () => {
  const follower = loneFollower([1, 1, 1], { highWatermark: 2 });
  follower.assign(stateOf({ version: 2, epoch: 3 }));
  follower.settle();
  expect(follower.core.highWatermark).toBe(2);
  expect(follower.core.established).toBe(false);
});

test('a cut below the high watermark is refused for good', () => {
  const follower = loneFollower([1, 1, 1], { highWatermark: 3 });
  receive(follower, diverging(follower, 1, 2));
  expect(effectsOf(follower, 'truncate')).toEqual([]);
  expect(effectsOf(follower, 'fatal')[0]?.reason).toBe(
    'leader 2 of epoch 2 would cut offset 2, but everything below 3 is committed; its log has epoch 1 through 2',
  );
  expect(follower.core.role).toBe('idle');
});

test('after a possible loss a log from before it is cut below the high watermark, and says so', () => {
  const change = { highWatermark: 3 };
  const follower = loneFollower([1, 1, 1], change, { epoch: 4, lossEpoch: 3 });
  receive(follower, diverging(follower, 1, 2));
  expect(follower.effects).toEqual([
    { kind: 'truncate', from: 2, belowHighWatermark: true },
    { kind: 'highWatermark', highWatermark: 2 },
    { kind: 'positionChanged' },
  ]);
  expect(follower.core.highWatermark).toBe(2);
});

test('after a possible loss a log with an epoch from after it is not cut below the high watermark', () => {
  const change = { highWatermark: 3 };
  const follower = loneFollower([1, 1, 3], change, { epoch: 4, lossEpoch: 3 });
  receive(follower, diverging(follower, 1, 2));
  expect(effectsOf(follower, 'fatal')).toHaveLength(1);
});

test('a tainted replica believes no high watermark of its own, and warns when it cuts below it', () => {
  const follower = loneFollower([1, 1, 1], { highWatermark: 3, tainted: true });
  receive(follower, diverging(follower, 1, 2));
  expect(effectsOf(follower, 'truncate')).toEqual([
    { kind: 'truncate', from: 2, belowHighWatermark: true },
  ]);
});

test('a late diverging answer cuts nothing once the logs agree', () => {
  const follower = loneFollower([1, 1, 1]);
  const late = diverging(follower, 1, 2);
  receive(follower, records(follower, []));
  receive(follower, late);
  expect(effectsOf(follower, 'truncate')).toEqual([]);
});

test('rule 30: a cut lowers the durable end, and a late sync does not raise it again', () => {
  const follower = loneFollower([1, 1, 1]);
  receive(follower, diverging(follower, 1, 2));
  expect(follower.core.position()).toMatchObject({ offset: 2, durableEnd: 2, syncedEnd: 2 });
  receive(follower, records(follower, [2]));
  follower.input((core) => {
    core.synced(3, 1);
    core.syncedThrough(4, 2);
  });
  expect(follower.core.position()).toMatchObject({ offset: 3, durableEnd: 2 });
});

test('a refused follower asks again at the next tick, and the zkserver after a pause', () => {
  const follower = loneFollower([1]);
  const refused = (kind: 'notLeader' | 'fenced', epoch: number): ReceivedAnswer => {
    return { kind, epoch, leader: '2', offset: follower.log.logEnd, batches: [] };
  };
  for (let tick = 0; tick < 6; tick += 1) {
    receive(follower, refused('notLeader', 1));
    expect(follower.core.position()).toBeUndefined();
    follower.tick();
    expect(follower.core.position()).toBeDefined();
  }
  expect(effectsOf(follower, 'askState')).toHaveLength(2);
  follower.tick(3);
  follower.effects = [];
  for (let time = 0; time < 5; time += 1) receive(follower, refused('fenced', 9));
  expect(effectsOf(follower, 'askState')).toHaveLength(1);
});

test('a taint is cleared when the leader says so, unless the word is about something not synced here', () => {
  const follower = loneFollower([1, 1], { tainted: true, syncedEnd: 1 });
  receive(follower, records(follower, [], { untaint: true, highWatermark: 2 }));
  expect(follower.core.tainted).toBe(true);
  follower.input((core) => {
    core.syncedThrough(2, 1);
  });
  receive(follower, records(follower, [], { untaint: true, highWatermark: 2 }));
  expect(follower.core.tainted).toBe(false);
  expect(effectsOf(follower, 'clearTaint')).toHaveLength(1);
  expect(follower.core.position()?.tainted).toBe(false);
});

test('rule 12: a follower syncs what it has when the leader asks for it', () => {
  const follower = loneFollower([1], { syncedEnd: 0 });
  receive(follower, records(follower, [2], { syncThrough: 9 }));
  expect(effectsOf(follower, 'syncNow')).toEqual([{ kind: 'syncNow', through: 2 }]);
  follower.settle();
  follower.effects = [];
  receive(follower, records(follower, [], { syncThrough: 2 }));
  expect(follower.effects).toEqual([]);
});

describe('copies of segments', () => {
  const copy = (follower: SimReplica): ReceivedAnswer => {
    const { epoch } = follower.core;
    const { logEnd: offset } = follower.log;
    return { kind: 'copySegments', epoch, leader: '2', offset, batches: [] };
  };
  const source = () => {
    const { log } = loneFollower([1, 1, 1, 2]);
    log.dropBefore(2);
    return log;
  };

  test('while it copies a follower asks nothing; then it goes on after the copy', () => {
    const follower = loneFollower([1], {}, { epoch: 3 });
    receive(follower, copy(follower));
    expect(follower.effects).toEqual([{ kind: 'copySegments', leader: '2', epoch: 3 }]);
    expect(follower.core.position()).toBeUndefined();
    follower.copied(source(), '2', 3);
    expect(follower.core.position()).toMatchObject({ offset: 4, lastEpoch: 2, durableEnd: 4 });
    expect(follower.core.highWatermark).toBe(2);
  });

  test('a failed copy is asked for again after a tick', () => {
    const follower = loneFollower([1], {}, { epoch: 3 });
    receive(follower, copy(follower));
    follower.input((core) => {
      core.copyFailed('2', 3);
    });
    expect(follower.core.position()).toBeUndefined();
    follower.tick();
    expect(follower.core.position()).toMatchObject({ offset: 1 });
  });

  test('a new epoch cancels a copy', () => {
    const follower = loneFollower([1], {}, { epoch: 3 });
    receive(follower, copy(follower));
    follower.assign({ ...follow2, version: 2, epoch: 4 });
    expect(follower.core.position()).toMatchObject({ epoch: 4, offset: 1 });
    follower.effects = [];
    follower.input((core) => {
      core.segmentsCopied('2', 3);
      core.copyFailed('2', 3);
    });
    expect(follower.effects).toEqual([]);
    expect(follower.core.position()).toMatchObject({ offset: 1 });
  });

  test('when nothing before its start can agree, a log from before a loss is replaced', () => {
    const follower = loneFollower([1, 2, 2], { highWatermark: 2 }, { epoch: 5, lossEpoch: 4 });
    follower.dropBefore(1);
    follower.effects = [];
    receive(follower, diverging(follower, 0, 0));
    expect(effectsOf(follower, 'copySegments')).toHaveLength(1);
  });
});
