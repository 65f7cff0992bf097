// The judge is judged: valid histories pass, each anomaly that is put in is named.
import { checkHistory } from './check-history.js';
import type { AnomalyKind } from './check-history.js';
import type { Completion, Operation } from './history.js';

const invoke = (value: string, producer = 'p'): Operation => ({
  kind: 'invoke',
  producer,
  partition: 0,
  value,
});
const complete = (kind: Completion, value: string, offset = -1, producer = 'p'): Operation => ({
  kind,
  producer,
  partition: 0,
  value,
  offset,
});
const sent = (value: string, offset: number, producer = 'p'): Operation[] => [
  invoke(value, producer),
  complete('ok', value, offset, producer),
];
const read = (offset: number, value: string, consumer = 'c'): Operation => ({
  kind: 'read',
  consumer,
  partition: 0,
  offset,
  value,
});
const seek = (consumer = 'c'): Operation => ({ kind: 'seek', consumer, partition: 0 });
const kinds = (...operations: Operation[]): AnomalyKind[] =>
  checkHistory(operations).map((anomaly) => anomaly.kind);

describe('A history is accepted', () => {
  test('when everything that was acknowledged is read once, in order', () => {
    expect(kinds(...sent('a', 1), ...sent('b', 2), read(1, 'a'), read(2, 'b'))).toEqual([]);
  });

  test('with holes in the offsets, where control batches are', () => {
    expect(kinds(...sent('a', 1), ...sent('b', 9), read(1, 'a'), read(9, 'b'))).toEqual([]);
  });

  test.each(['read', 'not read'])('when a send that nobody knows of is %s', (how) => {
    const tail = how === 'read' ? [read(2, 'b')] : [];
    expect(
      kinds(...sent('a', 1), invoke('b'), complete('info', 'b'), read(1, 'a'), ...tail),
    ).toEqual([]);
  });

  test('when a refused send is not there', () => {
    expect(kinds(...sent('a', 1), invoke('b'), complete('fail', 'b'), read(1, 'a'))).toEqual([]);
  });

  test('when a consumer reads again after it went back by itself', () => {
    expect(kinds(...sent('a', 1), read(1, 'a'), seek(), read(1, 'a'))).toEqual([]);
  });

  test('when several producers interleave in any way', () => {
    const sends = [...sent('a', 2, 'p'), ...sent('b', 1, 'q')];
    expect(kinds(...sends, read(1, 'b'), read(2, 'a'))).toEqual([]);
  });
});

describe('A history is refused', () => {
  const abc = [...sent('a', 1), ...sent('b', 2), ...sent('c', 3)];
  const readAbc = [read(1, 'a'), read(2, 'b'), read(3, 'c')];
  const anomalies: [AnomalyKind, string, Operation[]][] = [
    [
      'inconsistent offset',
      'two consumers read two values at one offset',
      [...abc, ...readAbc, read(3, 'x', 'd'), invoke('x')],
    ],
    [
      'inconsistent offset',
      'the receipt names an offset where another value is read',
      [...abc, ...readAbc, ...sent('d', 3), read(4, 'd')],
    ],
    ['duplicate', 'a value is read at two offsets', [...abc, ...readAbc, read(4, 'c')]],
    [
      'duplicate',
      'a value is read elsewhere than its receipt says',
      [...sent('a', 1), read(2, 'a')],
    ],
    ['lost', 'an acknowledged value is a hole', [...abc, read(1, 'a'), read(3, 'c')]],
    ['unseen', 'the acknowledged end is never read', [...abc, read(1, 'a'), read(2, 'b')]],
    [
      'failed write read',
      'a refused value is there',
      [...abc, ...readAbc, invoke('d'), complete('fail', 'd'), read(4, 'd')],
    ],
    ['unknown value', 'a value that nobody sent is there', [...abc, ...readAbc, read(4, 'ghost')]],
    [
      'send order',
      'a later send lies before an earlier one',
      [...sent('a', 2), ...sent('b', 1), read(1, 'b'), read(2, 'a')],
    ],
    [
      'send order',
      'an unknown send turns up behind a later one',
      [invoke('a'), ...sent('b', 1), complete('info', 'a'), read(1, 'b'), read(2, 'a')],
    ],
    ['read backwards', 'a consumer gets an offset again', [...abc, ...readAbc, read(3, 'c')]],
    ['read backwards', 'a consumer goes back', [...abc, ...readAbc, read(1, 'a')]],
    [
      'read skips',
      'a consumer misses what another one got',
      [...abc, ...readAbc, read(1, 'a', 'd'), read(3, 'c', 'd')],
    ],
  ];

  test.each(anomalies)('as "%s" when %s', (kind, _why, operations) => {
    expect(kinds(...operations)).toContain(kind);
  });

  test('of one partition, whatever the others hold', () => {
    const other = { ...invoke('z'), partition: 1 };
    const lost = { ...complete('ok', 'z', 7), partition: 1 } as Operation;
    expect(checkHistory([...abc, ...readAbc, other, lost])).toEqual([
      {
        kind: 'unseen',
        partition: 1,
        detail: 'z was acknowledged at offset 7, reads went to -1',
      },
    ]);
  });
});
