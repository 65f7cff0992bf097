// Small histories with something wrong, by the name of what it is.
import type { HistoryEvent, Unstamped } from '../history/events.js';
import { HistoryInvalid } from '../history/parse-event.js';
import { judgeEvents } from './judge.js';
import {
  place,
  judged,
  send,
  sent,
  stored,
  byLeader,
  poll,
  given,
  seek,
  led,
  loss,
  exact,
  committed,
  assign,
  revoke,
  commit,
  position,
  handed,
  switched,
  replica,
  abc,
  readAbc,
  ten,
  readTen,
} from './trial/small-history.js';
import type { Anomaly } from './violation.js';

describe('Found is', () => {
  const cases: [Anomaly, string, (Unstamped | Unstamped[])[]][] = [
    [
      'inconsistent-offset',
      'two values read at one offset',
      [abc, readAbc, send('x'), given('d', [3, 'x'])],
    ],
    [
      'inconsistent-offset',
      'a receipt that names the offset of another value',
      [abc, readAbc, stored('d', 3), given('c', [4, 'd'])],
    ],
    [
      'inconsistent-offset',
      'a reused offset below a reported loss',
      [abc, readAbc, loss(4, 3), send('x'), seek('d'), given('d', [2, 'x'])],
    ],
    [
      'reused-offset',
      'a freed offset given away in the old epoch',
      [
        stored('a', 1),
        poll('c', [1, 'a', 1]),
        loss(4, 1),
        send('x'),
        seek('d'),
        poll('d', [1, 'x', 3]),
      ],
    ],
    ['duplicate', 'a value at two offsets', [abc, readAbc, given('c', [4, 'c'])]],
    [
      'duplicate',
      'a value elsewhere than its receipt says',
      [stored('a', 1), given('c', [2, 'a'])],
    ],
    ['lost-write', 'an acknowledged value that is a hole', [abc, given('c', [1, 'a'], [3, 'c'])]],
    [
      'lost-write',
      'the end, that was read once',
      [abc, readAbc, seek('d', true), given('d', [1, 'a'], [2, 'b'])],
    ],
    [
      'lost-write',
      'a loss above what was reported',
      [abc, loss(4, 3), seek('c'), given('c', [1, 'a'], [3, 'c'])],
    ],
    ['unseen', 'the acknowledged end that nobody read', [abc, given('c', [1, 'a'], [2, 'b'])]],
    ['unseen', 'everything', [abc]],
    [
      'lost-leader-write',
      'one whose leader was left alone',
      [byLeader('a', 1), stored('b', 2), given('c', [2, 'b'])],
    ],
    [
      'lost-leader-write',
      'one in the middle of what a deposed leader had',
      [led(1, 1), byLeader('a', 1, 1), byLeader('b', 2, 1), led(2, 2), given('c', [2, 'b'])],
    ],
    [
      'lost-leader-write',
      'one that the next leader had',
      [led(1, 1), byLeader('a', 1, 1), led(2, 2, { startOffset: 2 })],
    ],
    [
      'aborted-read',
      'a refused value',
      [abc, readAbc, send('d'), sent('d', 'fail'), given('c', [4, 'd'])],
    ],
    ['unsent-read', 'a value that nobody sent', [abc, readAbc, given('c', [4, 'ghost'])]],
    [
      'nonmonotonic-send',
      'a later send before an earlier one',
      [stored('a', 2), stored('b', 1), given('c', [1, 'b'], [2, 'a'])],
    ],
    [
      'nonmonotonic-send',
      'an unknown send behind a later one',
      [send('a'), stored('b', 1), sent('a', 'unknown'), given('c', [1, 'b'], [2, 'a'])],
    ],
    ['nonmonotonic-poll', 'an offset again', [abc, readAbc, given('c', [3, 'c'])]],
    ['nonmonotonic-poll', 'an earlier offset', [abc, readAbc, given('c', [1, 'a'])]],
    [
      'int-nonmonotonic-poll',
      'an offset again in one poll',
      [abc, poll('c', [1, 'a'], [2, 'b'], [2, 'b'], [3, 'c'])],
    ],
    [
      'poll-skip',
      'what another consumer was given',
      [abc, readAbc, given('d', [1, 'a'], [3, 'c'])],
    ],
    ['int-poll-skip', 'the same in one poll', [abc, readAbc, poll('d', [1, 'a'], [3, 'c'])]],
    [
      'uncommitted-read',
      'at the high watermark of its answer',
      [abc, readAbc, { ...poll('d', [3, 'c']), highWatermark: 3 } as Unstamped],
    ],
    ['uncommitted-read', 'above every high watermark', [exact, committed(3), abc, readAbc]],
    [
      'uncommitted-ack',
      'above every high watermark',
      [exact, committed(3), abc, committed(4), readAbc],
    ],
    ['high-watermark-fell', 'from leader to leader', [committed(9, 1, 1), committed(8, 2, 2)]],
    [
      'high-watermark-fell',
      'as a consumer is told',
      [
        abc,
        { ...poll('c', [1, 'a']), highWatermark: 9 } as Unstamped,
        { ...poll('c', [2, 'b']), highWatermark: 8 } as Unstamped,
        given('c', [3, 'c']),
      ],
    ],
    [
      'shared-ownership',
      'one that gave up what another one had',
      [assign('m', 1, 1), assign('n', 1, 2), revoke('m')],
    ],
    [
      'shared-ownership',
      'two of one generation',
      [assign('m', 1, 1), revoke('m'), assign('n', 1, 1)],
    ],
    [
      'shared-ownership',
      'two that each gave it up',
      [assign('m'), assign('n'), revoke('m'), revoke('n')],
    ],
    [
      'zombie-commit',
      'of one whose partition is with another',
      [assign('m', 1, 1), assign('n', 1, 2), commit('m', 0)],
    ],
    [
      'zombie-commit',
      'of two that have it',
      [assign('m'), assign('n'), commit('m', 0), commit('n', 0)],
    ],
    [
      'commit-fell',
      'a position behind a commit',
      [assign('m'), commit('m', 4), position(3), commit('m', 3, 'unknown')],
    ],
    ['commit-fell', 'no position any more', [assign('m'), commit('m', 4), position(-1)]],
    ['commit-fell', 'a commit that goes back', [assign('m'), commit('m', 4), commit('m', 3)]],
    [
      'unmade-commit',
      'a position from nowhere',
      [assign('m'), commit('m', 4), commit('m', 7, 'fail'), position(7)],
    ],
    [
      'undelivered-commit',
      'a record passed over',
      [ten, readTen, assign('m'), handed('m', [1, 'v1']), handed('m', [3, 'v3']), commit('m', 4)],
    ],
    [
      'unequal-replicas',
      'other bytes',
      [replica(1, { digests: [[0, 2, 'a']] }), replica(2, { digests: [[0, 2, 'b']] })],
    ],
    [
      'unequal-replicas',
      'another epoch',
      [
        replica(1, {
          records: [
            [0, 1, null],
            [1, 1, null],
          ],
        }),
        replica(2, {
          records: [
            [0, 1, null],
            [1, 2, null],
          ],
        }),
      ],
    ],
    ['log-hole', 'an offset that is missing', [replica(1, { records: [[0, 1, null]] })]],
    ['two-leaders', 'in one epoch', [led(1, 4), led(2, 4)]],
    [
      'two-leaders',
      'two starts of one broker',
      [led(1, 4, { incarnation: 1 }), led(1, 4, { incarnation: 2 })],
    ],
    [
      'two-leaders',
      'an acknowledgement of another broker',
      [
        led(1, 4),
        send('a'),
        sent('a', 'ok', { offset: 1, epoch: 4, broker: 2 }),
        given('c', [1, 'a']),
      ],
    ],
    [
      'rewritten-entry',
      'other bytes',
      ['x', 'y'].map((digest, broker) => ({
        kind: 'append',
        ...place,
        broker,
        epoch: 1,
        offset: 5,
        count: 1,
        digest,
      })),
    ],
    ['epoch-fell', 'behind a higher one', [abc, poll('c', [1, 'a', 2], [2, 'b', 1], [3, 'c', 2])]],
    [
      'switch-lost-write',
      'acknowledged behind the seal',
      [
        send('a'),
        sent('a', 'ok', { offset: 3, epoch: 3 }),
        switched('done', 'fetch', 2, { sealEpoch: 3, sealOffset: 2 }),
        given('c', [3, 'a']),
      ],
    ],
    [
      'switch-lost-write',
      'acks leader before the seal',
      [
        led(1, 3),
        byLeader('a', 1, 3),
        switched('done', 'fetch', 2, { sealEpoch: 3, sealOffset: 2 }),
        led(2, 4),
      ],
    ],
    [
      'switch-two-writers',
      'two modes in one epoch',
      [led(1, 4, { mode: 'raft' }), led(1, 4, { mode: 'fetch' })],
    ],
    [
      'switch-two-writers',
      'a generation that begins below the last',
      [led(1, 4, { generation: 1 }), led(2, 3, { generation: 2 })],
    ],
    [
      'switch-two-writers',
      'a generation published twice',
      [
        switched('done', 'fetch', 2, { sealOffset: 4 }),
        switched('done', 'fetch', 2, { sealOffset: 5 }),
      ],
    ],
    [
      'switch-unfinished',
      'a switch without an end',
      [switched('begun', 'fetch', 1), switched('sealed', 'fetch', 1)],
    ],
    [
      'switch-unfinished',
      'replicas in two modes',
      [replica(1, { mode: 'raft', generation: 2 }), replica(2, { mode: 'fetch', generation: 2 })],
    ],
    [
      'switch-fatal-error',
      'a send refused for good',
      [
        switched('begun', 'fetch', 1),
        send('a'),
        sent('a', 'fail', { retriable: false }),
        switched('done', 'fetch', 2),
      ],
    ],
  ];

  test.each(cases)('%s: %s', (anomaly, _what, events) =>
    expect(judged(...events)).toContain(anomaly),
  );
});

test('a finding says what, where, which lines, and a sentence', () => {
  const events = [abc, given('c', [1, 'a'], [3, 'c'])].flat();
  const stamped = events.map((event, at) => ({ ...event, at }) as HistoryEvent);
  const { violations, anomalies, examples } = judgeEvents(stamped);
  expect({ violations, anomalies, examples }).toEqual({
    violations: 1,
    anomalies: { 'lost-write': 1 },
    examples: [
      {
        ...{ anomaly: 'lost-write', ...place, offset: 2, lines: [3, 4] },
        sentence: 'b was acknowledged at offset 2 and never read; reads went to 3',
      },
    ],
  });
});

test('all findings are counted, a few are kept', () => {
  const { anomalies, examples } = judgeEvents(
    Array.from({ length: 100 }, (_, offset) => stored(`v${offset}`, offset))
      .flat()
      .map((event, at) => ({ ...event, at }) as HistoryEvent),
  );
  expect(anomalies).toEqual({ unseen: 100 });
  expect(examples).toHaveLength(20);
});

describe('Not judged but refused is a history', () => {
  test.each<[string, Unstamped[]]>([
    ['with a value that is sent twice', [send('a'), send('a')]],
    ['with an answer to nothing', [sent('a', 'ok', { offset: 1 })]],
    ['with two answers', [...stored('a', 1), sent('a', 'unknown')]],
  ])('%s', (_what, events) => expect(() => judged(events)).toThrow(HistoryInvalid));
});
