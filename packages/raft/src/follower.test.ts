// What a follower takes, refuses, cuts, acknowledges and commits [Raft §5.3].
import { MAX_TERM } from './term.js';
import { freshState } from './testing/sim-replica.js';
import { append, effectKinds, heartbeat, lone, sent } from './testing/lone.js';

const inTerm3 = { hardState: { ...freshState, term: 3 } };
const epochsOf = ({ log }: ReturnType<typeof lone>) => log.batches.map(({ epoch }) => epoch);

describe('matching', () => {
  test('an append whose previous epoch differs is refused and changes nothing', () => {
    const replica = lone([1, 1], inTerm3);
    replica.step(append(3, [1, 2, 3], 2));
    expect(sent(replica, 'appendReply')).toMatchObject([
      { rejected: true, probe: 1, matched: 1, matchedEpoch: 1 },
    ]);
    expect(epochsOf(replica)).toEqual([1, 1]);
  });

  test('an append beyond the end is refused with the end as hint', () => {
    const replica = lone([1, 1], inTerm3);
    replica.step(append(3, [1, 1, 1, 1, 3], 4));
    expect(sent(replica, 'appendReply')).toMatchObject([
      { rejected: true, probe: 3, matched: 1, matchedEpoch: 1 },
    ]);
  });

  test('a conflict cuts the suffix from the first conflicting batch on, and nothing before it', () => {
    const replica = lone([1, 1, 2, 2]);
    replica.step(append(3, [1, 1, 3, 3], 0));
    expect(replica.effects).toContainEqual({ kind: 'truncate', from: 2 });
    expect(replica.effects).toContainEqual(expect.objectContaining({ kind: 'append', skip: 2 }));
    expect(epochsOf(replica)).toEqual([1, 1, 3, 3]);
  });

  test('batches that are here already are neither cut nor written again', () => {
    const replica = lone([1, 1, 1]);
    replica.step(append(1, [1, 1], 0));
    expect(effectKinds(replica)).not.toContain('truncate');
    expect([replica.log.lastOffset, replica.disk.written]).toEqual([2, 0]);
  });

  test('appends twice, late and out of order leave the log as they leave it in order', () => {
    const epochs = [1, 1, 1, 1];
    const replica = lone();
    const first = append(1, epochs.slice(0, 2), 0);
    const second = append(1, epochs, 2);
    for (const message of [second, first, second, first, second, first]) replica.step(message);
    expect(epochsOf(replica)).toEqual(epochs);
    expect(effectKinds(replica)).not.toContain('truncate');
  });

  test('an append of a leader that is only now heard of is taken once it is validated', () => {
    const replica = lone([1]);
    expect(replica.core.leader).toBeUndefined();
    replica.step(append(1, [1, 1], 1));
    expect([replica.core.leader, replica.log.lastOffset]).toEqual(['2', 1]);
  });

  test('an append of a deposed leader is not taken', () => {
    const replica = lone([1]);
    replica.step(heartbeat(3));
    replica.step(append(2, [1, 2], 1));
    expect(replica.log.lastOffset).toBe(0);
  });

  test('nothing at or below the commit offset is compared or cut: a conflict there is fatal', () => {
    const replica = lone([1, 1, 1], { commit: 1 });
    replica.step(append(2, [1, 1, 2], 0));
    expect(epochsOf(replica)).toEqual([1, 1, 2]);
    const conflicting = lone([1, 1, 1], { commit: 1 });
    const place = { baseOffset: 1, lastOffset: 2, epoch: 2, bytes: 1 };
    conflicting.step(append(2, [1], 1, { batches: [place] }));
    expect(conflicting.effects).toMatchObject([
      { kind: 'saveHardState' },
      { kind: 'roleChanged' },
      { kind: 'roleChanged' },
      { kind: 'fatal' },
    ]);
    expect(epochsOf(conflicting)).toEqual([1, 1, 1]);
  });

  test('an append wholly below the commit offset is acknowledged as it stands', () => {
    const replica = lone([1, 1, 1], { commit: 2 });
    replica.step(append(1, [1, 1], 1));
    expect(sent(replica, 'appendReply')).toMatchObject([{ rejected: false, matched: 2 }]);
  });

  test('a leader that contradicts itself within a term is fatal', () => {
    const replica = lone([1]);
    replica.step(append(3, [1, 2, 2], 1));
    replica.step(append(3, [1, 2, 3], 2));
    expect(replica.effects.at(-1)).toMatchObject({ kind: 'fatal' });
  });
});

describe('malformed appends are dropped and counted', () => {
  const batch = { baseOffset: 1, lastOffset: 1, epoch: 2, bytes: 1 };
  test.each([
    ['a falling epoch', { batches: [batch, { ...batch, baseOffset: 2, lastOffset: 2, epoch: 1 }] }],
    ['an epoch before the previous one', { prevEpoch: 2, batches: [{ ...batch, epoch: 1 }] }],
    ['an epoch after the term', { batches: [{ ...batch, epoch: 4 }] }],
    ['a previous epoch after the term', { prevEpoch: 4, batches: [] }],
    ['a gap before the first batch', { batches: [{ ...batch, baseOffset: 2, lastOffset: 2 }] }],
    ['a gap between batches', { batches: [batch, { ...batch, baseOffset: 3, lastOffset: 3 }] }],
    ['a batch that ends before it begins', { batches: [{ ...batch, lastOffset: 0 }] }],
    ['an offset that is none', { commit: -2 }],
    ['an epoch that no batch can carry', { prevEpoch: MAX_TERM + 1, batches: [] }],
    ['another receiver', { to: '3' }],
  ])('%s', (_what, change) => {
    const replica = lone([1]);
    replica.step(append(3, [1, 2], 1, change));
    expect([replica.core.rejectedMessages, replica.core.term, replica.log.lastOffset]).toEqual([
      1, 1, 0,
    ]);
    expect(replica.sent).toEqual([]);
  });
});

describe('acknowledgements', () => {
  test('an append is acknowledged when it is on disk, not before', () => {
    const replica = lone();
    replica.step(append(1, [1, 1], 0));
    expect(sent(replica, 'appendReply')).toEqual([]);
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 1, rejected: false }]);
  });

  test('an append that is on disk already is acknowledged at once', () => {
    const replica = lone([1, 1]);
    replica.step(append(1, [1, 1], 1));
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 1 }]);
  });

  test('one sync of many appends brings one acknowledgement', () => {
    const replica = lone();
    for (const end of [1, 2, 3]) replica.step(append(1, [1, 1, 1].slice(0, end), end - 1));
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 2 }]);
  });

  test('a sync that covers a part acknowledges that part, and the next one the rest', () => {
    const replica = lone();
    replica.step(append(1, [1], 0));
    replica.startSync();
    replica.step(append(1, [1, 1], 1));
    replica.finishSync();
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 0 }]);
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 1 }]);
  });

  test('what this leader has not validated is not acknowledged, though it is on disk', () => {
    const replica = lone([1, 2, 2, 2], inTerm3);
    replica.step(append(3, [1, 2], 1));
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 1 }]);
    replica.step(heartbeat(3));
    expect(sent(replica, 'heartbeatReply')).toMatchObject([{ matched: 1 }]);
  });

  test('a cut lowers the durable end at once', () => {
    const replica = lone([1, 2, 2]);
    replica.step(append(3, [1, 3, 3], 1));
    replica.step(append(3, [1, 3, 3], 3));
    expect(sent(replica, 'appendReply')).toEqual([]);
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ matched: 2 }]);
  });

  test('a sync of batches that were overwritten meanwhile confirms nothing (ABA)', () => {
    const replica = lone([1]);
    replica.step(append(2, [1, 2], 1));
    replica.startSync();
    replica.step(append(3, [1, 3], 1));
    replica.step(append(4, [1, 2], 1, { prevEpoch: 1 }));
    replica.input((core) => {
      core.hardStateSynced(4, undefined);
      core.synced(1, 2, replica.sync?.truncations);
    });
    expect(sent(replica, 'appendReply')).toEqual([]);
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ term: 4, matched: 1 }]);
  });

  test('a sync that names an epoch the log no longer has there is ignored', () => {
    const replica = lone([1]);
    replica.step(append(3, [1, 3], 1));
    replica.input((core) => {
      core.synced(1, 2);
      core.synced(9, 3);
    });
    expect(sent(replica, 'appendReply')).toEqual([]);
  });

  test('a sync after the term changed answers nobody of the old term', () => {
    const replica = lone();
    replica.step(append(1, [1], 0));
    replica.step({ ...heartbeat(2), from: '3' });
    replica.settle();
    expect(sent(replica, 'appendReply')).toEqual([]);
  });

  test('a reply in a new term waits until the term is on disk', () => {
    const replica = lone([1]);
    replica.step(append(5, [1], 1));
    expect(replica.sent).toEqual([]);
    replica.settle();
    expect(sent(replica, 'appendReply')).toMatchObject([{ term: 5, matched: 0 }]);
  });
});

describe('commit', () => {
  test('the commit offset of the leader arrives with an append and with a heartbeat', () => {
    const replica = lone();
    replica.step(append(1, [1, 1], 0, { commit: 0 }));
    expect(replica.core.commit).toBe(0);
    replica.step(heartbeat(1, 1));
    expect(replica.core.commit).toBe(1);
    const commits = replica.effects.filter(({ kind }) => kind === 'commit');
    expect(commits).toEqual([
      { kind: 'commit', commit: 0 },
      { kind: 'commit', commit: 1 },
    ]);
  });

  test('an unvalidated tail of an old term is not committed, whatever the leader has committed', () => {
    const replica = lone([1, 2, 2]);
    replica.step(append(3, [1], 1, { commit: 2 }));
    expect(replica.core.commit).toBe(0);
    replica.step(heartbeat(3, 2));
    expect(replica.core.commit).toBe(0);
  });

  test('a commit offset that is smaller or beyond the log does no harm', () => {
    const replica = lone([1, 1], { commit: 1 });
    replica.step(append(1, [1, 1], 2, { commit: 0 }));
    replica.step(heartbeat(1, 99));
    expect(replica.core.commit).toBe(1);
  });

  test('only what is on disk may be remembered as committed over a crash', () => {
    const replica = lone();
    replica.step(append(1, [1, 1], 0, { commit: 1 }));
    expect([replica.core.commit, replica.core.durableCommit]).toEqual([1, -1]);
    replica.settle();
    expect(replica.core.durableCommit).toBe(1);
  });
});
