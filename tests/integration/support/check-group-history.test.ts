// The judge of groups is judged: histories that may be pass, each anomaly that is put in is named.
import { checkGroupHistory } from './check-group-history.js';
import type { GroupEvent, GroupFact } from './group-history.js';
import { pausesOf, takeoversOf } from './group-pauses.js';

/** What happens, each a millisecond after the one before unless it says when. */
function history(...facts: readonly (GroupFact & { at?: number })[]): GroupEvent[] {
  let at = 0;
  return facts.map((fact) => ({ ...fact, at: (at = fact.at ?? at + 1) }));
}

const joining = (member: string, inHand = 1): GroupFact => {
  return { kind: 'joining', member, inHand, awaitsCommits: inHand > 1 };
};
const acked = (...offsets: number[]): GroupFact[] =>
  offsets.map((offset) => ({ kind: 'acked', partition: 0, offset }));
const assigned = (member: string): GroupFact => ({ kind: 'assigned', member, partitions: [0] });
const revoked = (member: string, lost = false): GroupFact => {
  return { kind: 'revoked', member, partitions: [0], lost };
};
const handled = (member: string, ...offsets: number[]): GroupFact[] =>
  offsets.map((offset) => ({ kind: 'handled', member, partition: 0, offset }));
const done = (
  kind: 'killed' | 'frozen' | 'continued' | 'told to leave',
  member: string,
): GroupFact => ({ kind, member });
const ended = (member: string, code: number | null = 0): GroupFact => {
  return { kind: 'ended', member, code };
};
const position = (offset: number): GroupFact => ({ kind: 'position', partition: 0, offset });
const refused = (member: string): GroupFact => {
  return { kind: 'commit refused', member, code: 'TIMEOUT' };
};
const committed = (member: string, began: number, offset: number): GroupFact => {
  return { kind: 'committed', member, began, positions: [{ partition: 0, offset }] };
};
const described = (...members: readonly [string, number, number[]][]): GroupFact => ({
  kind: 'described',
  members: members.map(([clientId, counter, owned]) => {
    return { memberId: clientId, clientId, term: 1, counter, owned };
  }),
});

const killed = (member: string): GroupFact[] => [done('killed', member), ended(member, null)];
const kinds = (...facts: readonly (GroupFact & { at?: number })[]): string[] =>
  checkGroupHistory(history(...facts)).anomalies.map(({ kind }) => kind);
const duplicates = (...facts: readonly GroupFact[]) => {
  const verdict = checkGroupHistory(history(...facts));
  expect(verdict.anomalies).toEqual([]);
  return verdict.duplicates;
};
const NONE = { killed: 0, frozen: 0, lost: 0, 'commit refused': 0 };

describe('A history of a group is accepted', () => {
  const first = [...acked(1, 2, 3), assigned('a'), ...handled('a', 1, 2)];

  test('when a partition goes from one to the other in order', () => {
    const rest = [position(3), revoked('a'), assigned('b'), ...handled('b', 3), position(4)];
    expect(duplicates(...first, ...rest)).toEqual(NONE);
  });

  test('with holes in the offsets, where control batches are', () => {
    expect(kinds(...acked(1, 7), assigned('a'), ...handled('a', 1, 7))).toEqual([]);
  });

  test('when the killed one had not committed: it is counted', () => {
    const rest = [position(2), ...killed('a'), assigned('b'), ...handled('b', 2, 3)];
    expect(duplicates(...first, ...rest)).toEqual({ ...NONE, killed: 1 });
  });

  test('when a frozen one comes back, with what it had in hand, and finds its partition lost', () => {
    const taken = [done('frozen', 'a'), assigned('b'), ...handled('b', 1, 2, 3)];
    const back = [done('continued', 'a'), ...handled('a', 3), revoked('a', true)];
    expect(duplicates(...first, ...taken, ...back)).toEqual({ ...NONE, frozen: 3 });
  });

  test('when the partition was lost, or its last commit refused', () => {
    const lost = [revoked('a', true), assigned('b'), ...handled('b', 2, 3)];
    expect(duplicates(...first, ...lost)).toEqual({ ...NONE, lost: 1 });
    const late = [refused('a'), revoked('a'), assigned('b'), ...handled('b', 1, 2, 3)];
    expect(duplicates(...first, ...late)).toEqual({ ...NONE, 'commit refused': 2 });
  });

  test('when one that leaves hears of its end after the next one of its beginning', () => {
    const left = [done('told to leave', 'a'), assigned('b'), revoked('a'), ...handled('b', 3)];
    expect(kinds(...first, position(3), ...left, ended('a'))).toEqual([]);
    const early = [done('told to leave', 'c'), ended('c', null)];
    expect(kinds(...first, position(3), ...left, ...early)).toEqual([]);
  });

  test('when the group is described while partitions are given up', () => {
    const steps = [
      described(['a', 1, [0, 1]]),
      described(['a', 2, [0, 1]], ['b', 1, []]),
      described(['a', 2, [0]], ['b', 2, [1]]),
    ];
    expect(kinds(...steps)).toEqual([]);
  });
});

describe('A history of a group is refused', () => {
  const first = [...acked(1, 2, 3), assigned('a'), ...handled('a', 1, 2)];

  test.each<[string, GroupFact[]]>([
    ['two owners', [position(3), assigned('b'), revoked('a'), ...handled('b', 3)]],
    ['handled by two', [position(3), assigned('b'), ...handled('b', 3), ...handled('a', 3)]],
    ['handled without owning', [position(3), revoked('a'), ...handled('a', 3)]],
    ['handled without owning', [...handled('c', 3), ...handled('a', 3)]],
    ['not handled', []],
    ['not handled', [...handled('a', 3), ...acked(4)]],
    [
      'skipped',
      [...acked(4), ...handled('a', 4), ...killed('a'), assigned('b'), ...handled('b', 3)],
    ],
    ['out of order', [...handled('a', 3, 1)]],
    ['handled twice by one', [...handled('a', 2, 3)]],
    ['unexplained duplicate', [revoked('a'), assigned('b'), ...handled('b', 2, 3)]],
    ['position went back', [...handled('a', 3), position(3), position(2)]],
    ['member failed', [...handled('a', 3), ended('a', 1)]],
    [
      'member failed',
      [...handled('a', 3), joining('b'), done('told to leave', 'b'), ended('b', null)],
    ],
    ['member failed', [...handled('a', 3), { kind: 'failed', member: 'a', code: 'INTERNAL' }]],
  ])('%s', (kind, rest) => {
    expect(kinds(...first, ...rest)).toContain(kind);
  });

  test('handled after its commit, as an observer or the member itself had seen it', () => {
    const rest = [...killed('a'), assigned('b'), ...handled('b', 2, 3)];
    expect(kinds(...first, position(3), ...rest)).toEqual(['handled after its commit']);
    expect(kinds(...first, committed('a', 5, 3), ...rest)).toEqual(['handled after its commit']);
    expect(kinds(...first, position(2), ...rest)).toEqual([]);
  });

  test('stale commit: confirmed although another one had the partition when it began', () => {
    const frozen = [...first, position(3), done('frozen', 'a'), { ...assigned('b'), at: 100 }];
    const rest = [...handled('b', 3), done('continued', 'a')];
    expect(kinds(...frozen, ...rest, committed('a', 101, 3))).toEqual(['stale commit']);
    expect(kinds(...frozen, ...rest, committed('a', 99, 3))).toEqual([]);
  });

  test('handled by two: a frozen one goes on behind what it had in hand', () => {
    const taken = [done('frozen', 'a'), assigned('b'), ...handled('b', 1, 2, 3)];
    const back = [...acked(4), ...handled('b', 4), done('continued', 'a'), ...handled('a', 3, 4)];
    expect(kinds(joining('a'), ...first, ...taken, ...back)).toEqual(['handled by two']);
    expect(kinds(joining('a', 2), ...first, ...taken, ...back)).toEqual([]);
  });

  test('descriptions: two owners, an epoch that goes back, more partitions in one epoch', () => {
    expect(kinds(described(['a', 1, [0]], ['b', 1, [0]]))).toEqual(['two owners described']);
    expect(kinds(described(['a', 2, [0]]), described(['a', 1, [0]]))).toEqual(['epoch went back']);
    expect(kinds(described(['a', 2, [0]]), described(['a', 2, [0, 1]]))).toEqual([
      'more in one epoch',
    ]);
  });
});

describe('Pauses of a partition that stays', () => {
  const start = [...acked(1, 2), assigned('a'), ...handled('a', 1)];
  const late = { ...handled('a', 2)[0], at: 500 };

  test('begin when the next message is there, and count apart while members change', () => {
    const change = [...start, { kind: 'started', member: 'b' } as const, late];
    const { quiet, changing } = pausesOf(history(...change));
    expect([quiet.length, changing.map(({ ms }) => ms)]).toEqual([0, [496]]);
    expect(pausesOf(history(...start, late)).quiet.map(({ ms }) => ms)).toEqual([496]);
    const scarce = [assigned('a'), ...acked(1), ...handled('a', 1)];
    const sent = [...scarce, { ...acked(2)[0], at: 490 }, late];
    expect(pausesOf(history(...sent)).quiet.map(({ ms }) => ms)).toEqual([10]);
  });

  test('count as far as readers without a group did not have them, too', () => {
    const seen = (offset: number, at: number) => {
      return { kind: 'seen', reader: 'r', partition: 0, offset, at } as const;
    };
    const excess = (...facts: (GroupFact & { at?: number })[]): number[] =>
      pausesOf(history(...start, ...facts, late)).quiet.map(({ excessMs }) => excessMs);
    expect(excess()).toEqual([496]);
    expect(excess(seen(1, 5), seen(2, 6))).toEqual([496]);
    expect(excess(seen(1, 5), seen(2, 405))).toEqual([96]);
  });

  test('are not of whom a killed leader or coordinator, its own commit, or a freeze stopped', () => {
    const pauses = (member: GroupFact, ...facts: GroupFact[]): number[] => {
      const { quiet, changing } = pausesOf(history(member, ...start, ...facts, late));
      return [...quiet, ...changing].map(({ ms }) => ms);
    };
    const broker = { kind: 'broker killed', broker: 1, leads: [1] } as const;
    expect(pauses(joining('a'), broker)).toEqual([495]);
    expect(pauses(joining('a'), { ...broker, leads: [0] })).toEqual([]);
    expect(pauses(joining('a'), committed('a', 5, 2))).toEqual([495]);
    expect(pauses(joining('a', 50), committed('a', 5, 2))).toEqual([494]);
    const silence = [position(1), { ...position(1), at: 3_000 }];
    expect(pausesOf(history(...start, ...silence, { ...late, at: 3_001 })).quiet).toEqual([]);
    expect(pauses(joining('a'), done('frozen', 'a'), done('continued', 'a'))).toEqual([]);
  });
});

test('A takeover lasts until others handle all partitions of the one that went', () => {
  const going = [...acked(1, 2), assigned('a'), ...handled('a', 1), ...killed('a')];
  const taken = [assigned('b'), { ...handled('b', 2)[0], at: 3_000 }];
  expect(takeoversOf(history(...going, ...taken))).toEqual([
    { cause: 'killed', member: 'a', partitions: 1, ms: 2_995 },
  ]);
  expect(takeoversOf(history(...going))).toEqual([]);
});
