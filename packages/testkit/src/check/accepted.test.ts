// Small histories that look wrong, and are not.
import type { Unstamped } from '../history/events.js';
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
  committed,
  group,
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

describe('Accepted is', () => {
  const cases: [string, (Unstamped | Unstamped[])[]][] = [
    ['nothing at all', []],
    ['what is acknowledged and read once, in order', [abc, readAbc]],
    [
      'a hole in the offsets, where control batches are',
      [stored('a', 1), stored('b', 9), given('c', [1, 'a'], [9, 'b'])],
    ],
    [
      'a send without an answer that is there',
      [stored('a', 1), send('b'), given('c', [1, 'a'], [2, 'b'])],
    ],
    [
      'a send of unknown outcome that is not there',
      [stored('a', 1), send('b'), sent('b', 'unknown'), given('c', [1, 'a'])],
    ],
    [
      'a refused send that is not there',
      [stored('a', 1), send('b'), sent('b', 'fail'), given('c', [1, 'a'])],
    ],
    [
      'acks none that is not there',
      [send('a', 'p', 'none'), sent('a', 'ok'), stored('b', 1), given('c', [1, 'b'])],
    ],
    [
      'a consumer that goes back by itself',
      [stored('a', 1), given('c', [1, 'a']), seek('c'), given('c', [1, 'a'])],
    ],
    [
      'producers that interleave',
      [stored('a', 2, 'p'), stored('b', 1, 'q'), given('c', [1, 'b'], [2, 'a'])],
    ],
    [
      'a value that stands in two partitions',
      [
        stored('a', 1),
        stored('a', 1).map((one) => ({ ...one, partition: 1 })),
        given('c', [1, 'a']),
        given('c', [1, 'a']).map((one) => ({ ...one, partition: 1 })),
      ],
    ],
    [
      'twice the value of a producer that is not idempotent',
      [
        { ...send('a'), idempotent: false } as Unstamped,
        sent('a', 'ok', { offset: 1 }),
        given('c', [1, 'a'], [2, 'a']),
      ],
    ],
    [
      'the end of a deposed leader, lost with acks leader',
      [
        led(1, 1),
        byLeader('a', 1, 1),
        byLeader('b', 2, 1),
        led(2, 2, { startOffset: 2 }),
        given('c', [1, 'a']),
      ],
    ],
    [
      'its offset with another value',
      [
        led(1, 1),
        byLeader('a', 1, 1),
        byLeader('b', 2, 1),
        led(2, 2),
        stored('x', 2),
        poll('c', [1, 'a', 1], [2, 'x', 2]),
      ],
    ],
    [
      'the same after a fault, where nobody knows of epochs',
      [
        { kind: 'fault', fault: 'kill', target: 'broker-1', phase: 'begun' },
        byLeader('a', 1),
        stored('b', 2),
        given('c', [2, 'b']),
      ],
    ],
    [
      'what a reported loss took',
      [stored('a', 1), stored('b', 2), loss(4, 2), seek('c'), given('c', [1, 'a'])],
    ],
    [
      'the offsets of a reported loss in a higher epoch',
      [
        stored('a', 1),
        poll('c', [1, 'a', 1]),
        loss(4, 1),
        seek('d'),
        send('x'),
        poll('d', [1, 'x', 4]),
      ],
    ],
    [
      'what retention took',
      [
        abc,
        given('c', [1, 'a']),
        { kind: 'log-start', ...place, offset: 3 },
        seek('d', true),
        given('d', [3, 'c']),
      ],
    ],
    ['a high watermark that an older leader tells late', [committed(9, 2), committed(5, 1, 2)]],
    [
      'one that was asked for before the other was told',
      [committed(5), committed(9), committed(5, 1, 1, { invokedAt: 0 })],
    ],
    [
      'one of a follower that was started again',
      [
        committed(9, 1, 2, { role: 'follower', incarnation: 1 }),
        committed(3, 1, 2, { role: 'follower', incarnation: 2 }),
      ],
    ],
    [
      'a partition that goes from one to the other',
      [assign('m'), revoke('m'), assign('n'), revoke('n')],
    ],
    [
      'a member that hears late that it lost the partition',
      [
        assign('m', 1, 1),
        assign('n', 1, 2),
        commit('m', 0, 'fail'),
        revoke('m', true),
        revoke('n'),
      ],
    ],
    [
      'a commit that was asked for before the other one had it',
      [
        assign('m', 1, 1),
        assign('n', 1, 2),
        commit('m', 0, 'ok', { invokedAt: 0 }),
        revoke('m', true),
      ],
    ],
    [
      'one that says late that it had it once',
      [assign('n'), assign('m'), revoke('m', true), commit('n', 0), revoke('n')],
    ],
    [
      'a position asked for before the last commit',
      [assign('m'), commit('m', 0), commit('m', 4), position(0, { invokedAt: 2 })],
    ],
    [
      'a position that an administrator set back',
      [
        assign('m'),
        commit('m', 4),
        revoke('m'),
        { kind: 'reset', ...group, offset: 1, outcome: 'ok' },
        position(1),
      ],
    ],
    [
      'a position of a commit of unknown outcome',
      [assign('m'), commit('m', 4, 'unknown'), position(4), position(4)],
    ],
    [
      'commits behind what was given',
      [ten, readTen, assign('m'), handed('m', [2, 'v2'], [3, 'v3']), commit('m', 4)],
    ],
    [
      'a commit past records that the group never came to',
      [ten, readTen, assign('m'), commit('m', 4), handed('m', [4, 'v4'])],
    ],
    [
      'a switch that ends',
      [
        switched('begun', 'fetch', 1),
        switched('sealed', 'fetch', 1),
        switched('done', 'fetch', 2),
        replica(1, { mode: 'fetch', generation: 2 }),
        replica(2, { mode: 'fetch', generation: 2 }),
      ],
    ],
    [
      'a seal behind all that was acknowledged',
      [
        send('a'),
        sent('a', 'ok', { offset: 1, epoch: 3 }),
        switched('done', 'fetch', 2, { sealEpoch: 3, sealOffset: 2 }),
        given('c', [1, 'a']),
      ],
    ],
    [
      'replicas that differ above their high watermarks',
      [
        replica(1, {
          records: [
            [0, 1, null],
            [1, 1, null],
            [2, 1, 'x'],
          ],
        }),
        replica(2, {
          records: [
            [0, 1, null],
            [1, 1, null],
            [2, 2, 'y'],
          ],
        }),
      ],
    ],
  ];

  test.each(cases)('%s', (_what, events) => expect(judged(...events)).toEqual([]));
});
