// Who leads in mode fetch, as pure decisions. Brokers 1 to 3 hold r1 to r3; broker 1 leads in epoch 5.
import { MAX_EPOCH } from '@zhumq/model';
import { AT_MS, FetchWorld, answer, broker } from '../testing/fetch-world.js';
import { judgeElection } from './elect-leaders.js';
import type { Election } from './events.js';
import { fetchPartitionFinder } from './fetch-partitions.js';
import { misplacedLeaders } from './leader-mover.js';

const unclean = { 'unclean.leader.election': 'true' };

function reasonOf(world: FetchWorld, event: ReturnType<FetchWorld['election']>): string {
  const [election] = (event as { elections: readonly Election[] }).elections;
  const partition = fetchPartitionFinder(world.view)(election);
  if (partition === undefined) throw new Error('the partition is gone');
  const verdict = judgeElection(world.view, partition, election, {
    ...{ atMs: AT_MS, isAwaited: () => false },
  });
  if (verdict.kind === 'elected') throw new Error('it was elected');
  return `${verdict.code} ${verdict.reason}`;
}

test('the replica in sync with the largest end leads in the next epoch, and the ISR without who is dead', () => {
  const world = new FetchWorld();
  world.live(2, 3);
  const record = world.apply(world.election([answer(2, 90), answer(3, 95)]));
  expect(record).toMatchObject({
    ...{ leader: { broker: 3, incarnation: 1 }, epoch: 6, isr: ['r2', 'r3'], elr: [] },
    ...{ possibleLoss: undefined, lossEpoch: 0 },
  });
});

test('the epoch of the last record counts before the offset, and the preferred replica among equals', () => {
  const longer = answer(2, 900, { logEnd: { epoch: 4, offset: 900 } });
  for (const [answers, winner] of [
    [[longer, answer(3, 10)], 3],
    [[answer(3, 10), answer(2, 10)], 2],
  ] as const) {
    const world = new FetchWorld();
    world.live(2, 3);
    expect(world.apply(world.election(answers)).leader?.broker).toBe(winner);
  }
});

test('the new epoch is above every one that anybody has seen', () => {
  const world = new FetchWorld();
  world.live(2, 3);
  const answers = [answer(2, 90), answer(3, 80, { epoch: 11, tainted: true })];
  expect(world.apply(world.election(answers)).epoch).toBe(12);
});

test('the last epoch that a batch can hold is not exceeded', () => {
  const world = new FetchWorld({ epoch: MAX_EPOCH });
  world.live(2, 3);
  const election = world.election([answer(2, 90), answer(3, 90)]);
  expect(world.decide(election)).toEqual([]);
  expect(reasonOf(world, election)).toMatch(/^TERM_LIMIT .*copy the topic/);
});

test('rule 3: a leader that was restarted leads again only in a new epoch of its new incarnation', () => {
  const world = new FetchWorld();
  world.live(broker(1, { incarnation: 2 }), 2, 3);
  const answers = [answer(1, 90, { incarnation: 2 }), answer(2, 90), answer(3, 90)];
  const record = world.apply(world.election(answers));
  expect(record).toMatchObject({ leader: { broker: 1, incarnation: 2 }, epoch: 6 });
});

test('rule 3: what an earlier life of a broker answered elects nobody', () => {
  const world = new FetchWorld();
  world.live(broker(2, { incarnation: 2 }), 3);
  const late = world.election([answer(2, 99), answer(3, 90)]);
  expect(world.apply(late).leader?.broker).toBe(3);
});

test('a leader that is alive is not voted out, and answers to an older version elect nobody', () => {
  const world = new FetchWorld();
  expect(world.decide(world.election([answer(2, 99)]))).toEqual([]);
  world.live(2, 3);
  const stale = world.election([answer(2, 99)]);
  world.apply(world.election([answer(3, 90)]));
  world.live(1, 2);
  expect(world.decide(stale)).toEqual([]);
  expect(reasonOf(world, stale)).toMatch(/changed/);
});

test('rule 6: a broker that came back with another directory does not lead for the replica that it lost', () => {
  const world = new FetchWorld();
  world.live(broker(2, { directoryId: 'new' }), 3);
  expect(world.apply(world.election([answer(2, 99), answer(3, 90)])).leader?.broker).toBe(3);
});

test('a replica outside of ISR and ELR does not lead, however far it goes', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  world.live(3);
  const election = world.election([answer(3, 99)]);
  expect(world.decide(election)).toEqual([]);
  expect(reasonOf(world, election)).toMatch(
    /^LEADER_NOT_AVAILABLE .*waiting for broker 1, broker 2/,
  );
});

describe('rule 11: an unclean restart inside the ISR', () => {
  test('(a) the tainted one does not lead while the one that has it all may come back', () => {
    const world = new FetchWorld({ isr: ['r1', 'r2'] });
    world.live(broker(2, { incarnation: 2 }), 3);
    const tainted = answer(2, 40, { incarnation: 2, tainted: true });
    expect(world.decide(world.election([tainted]))).toEqual([]);
    world.live(broker(1, { incarnation: 2 }), broker(2, { incarnation: 2 }), 3);
    const whole = answer(1, 90, { incarnation: 2 });
    expect(world.apply(world.election([tainted, whole]))).toMatchObject({
      ...{ leader: { broker: 1, incarnation: 2 }, isr: ['r1', 'r2'], lossEpoch: 0 },
    });
  });

  test('(b) who left while the high watermark stood still leads, not the last member that lost its tail', () => {
    const world = new FetchWorld({ isr: ['r1', 'r2'] });
    world.apply(world.isrWish(['r1']));
    expect(world.record).toMatchObject({ isr: ['r1'], elr: ['r2'] });
    world.live(broker(1, { incarnation: 2 }), 2);
    const lost = answer(1, 99, { incarnation: 2, tainted: true });
    expect(world.apply(world.election([lost, answer(2, 80)]))).toMatchObject({
      ...{ leader: { broker: 2, incarnation: 1 }, isr: ['r2'], elr: ['r1'], lossEpoch: 0 },
      possibleLoss: undefined,
    });
  });

  test('all of ISR and ELR answered and none is whole: the largest end leads, and the loss is written down', () => {
    const world = new FetchWorld({ isr: ['r1'], elr: ['r2'], epoch: 5 });
    world.live(broker(1, { incarnation: 2 }), broker(2, { incarnation: 2 }), 3);
    const one = answer(1, 70, { incarnation: 2, tainted: true });
    const two = answer(2, 80, { incarnation: 2, tainted: true });
    // r3 goes further, but was not in sync.
    const record = world.apply(world.election([one, two, answer(3, 99)]));
    expect(record).toMatchObject({
      ...{ leader: { broker: 2, incarnation: 2 }, epoch: 6, isr: ['r2'], elr: [], lossEpoch: 6 },
    });
    expect(record.possibleLoss).toMatch(
      /^2026-01-02T00:00:00.000Z epoch 6, broker 2 leads: .*uncleanly/,
    );
  });

  test('one of them has not answered: the partition stays offline', () => {
    const world = new FetchWorld({ isr: ['r1'], elr: ['r2'] });
    world.live(broker(1, { incarnation: 2 }), 2);
    const one = answer(1, 70, { incarnation: 2, tainted: true });
    expect(world.decide(world.election([one]))).toEqual([]);
    expect(world.decide(world.election([one], { outOfService: ['r2'] }))).toEqual([]);
  });
});

describe('unclean.leader.election=true', () => {
  test('lets the one that goes furthest lead when nobody in sync is alive, and reports it', () => {
    const world = new FetchWorld({ isr: ['r1'] }, unclean);
    world.live(2, 3);
    const record = world.apply(world.election([answer(2, 70), answer(3, 80)]));
    expect(record).toMatchObject({ leader: { broker: 3 }, isr: ['r3'], elr: [], lossEpoch: 6 });
    expect(record.possibleLoss).toMatch(/unclean.leader.election=true/);
  });

  test('waits for a member that is alive and has not answered', () => {
    const world = new FetchWorld({ isr: ['r1', 'r2'] }, unclean);
    world.live(2, 3);
    expect(world.decide(world.election([answer(3, 80)]))).toEqual([]);
    // Out of service it will not come: somebody would have to mend it first.
    const election = world.election([answer(3, 80)], { outOfService: ['r2'] });
    expect(world.apply(election).leader?.broker).toBe(3);
  });

  test('a member that is whole leads without a loss all the same', () => {
    const world = new FetchWorld({ isr: ['r1', 'r2'] }, unclean);
    world.live(2, 3);
    const record = world.apply(world.election([answer(2, 70), answer(3, 99)]));
    expect(record).toMatchObject({
      ...{ leader: { broker: 2 }, isr: ['r2'], elr: ['r1'], lossEpoch: 0 },
    });
  });
});

describe('a leader that resigns', () => {
  const resign = (world: FetchWorld, given = {}) => {
    const { generation, epoch, leader } = world.record;
    const own = { topicId: world.wish([]).topicId, partition: 0, generation, epoch };
    const resignation = { ...own, broker: 1, incarnation: leader?.incarnation ?? 1, ...given };
    return { kind: 'leaders-resigned', resignations: [resignation, resignation] } as const;
  };

  test('leads no more, its epoch stays spent, and it may lead in the next one', () => {
    const world = new FetchWorld();
    expect(world.apply(resign(world))).toMatchObject({ leader: undefined, epoch: 5 });
    const record = world.apply(world.election([answer(1, 90), answer(2, 80)]));
    expect(record).toMatchObject({ leader: { broker: 1, incarnation: 1 }, epoch: 6 });
  });

  test('comes last among those that go as far', () => {
    const world = new FetchWorld();
    world.apply(resign(world));
    const answers = [answer(1, 90), answer(2, 80), answer(3, 90)];
    expect(world.apply(world.election(answers, { resigned: 1 })).leader?.broker).toBe(3);
  });

  test.each([[{ epoch: 4 }], [{ incarnation: 0 }], [{ generation: 2 }], [{ broker: 2 }]])(
    'means nothing with %j',
    (given) => {
      const world = new FetchWorld();
      expect(world.decide(resign(world, given))).toEqual([]);
    },
  );
});

describe('a leader that is wanted', () => {
  test('takes over from one that is alive, in the next epoch', () => {
    const world = new FetchWorld();
    const record = world.apply(world.election([answer(3, 80)], { wanted: 3 }));
    expect(record).toMatchObject({ leader: { broker: 3, incarnation: 1 }, epoch: 6 });
  });

  test.each([
    ['not in sync', { isr: ['r1', 'r2'] }, [answer(3, 80)], /not in sync/],
    ['tainted', {}, [answer(3, 80, { tainted: true })], /may lack/],
    ['silent', {}, [], /did not answer/],
    ['the leader already', { leader: { broker: 3, incarnation: 1 } }, [answer(3, 80)], /alive/],
    [
      'switched to another mode just now',
      { transition: { id: 'x', to: 'raft', phase: 'seal' } },
      [answer(3, 80)],
      /PARTITION_SEALED/,
    ],
  ] as const)('does not when it is %s', (_what, record, answers, reason) => {
    const world = new FetchWorld(record);
    const election = world.election(answers, { wanted: 3 });
    expect(world.decide(election)).toEqual([]);
    expect(reasonOf(world, election)).toMatch(reason);
  });
});

test('leadership goes back to a preferred leader that is alive, in sync and not in the middle of a switch', () => {
  const leader = { broker: 2, incarnation: 1 };
  const moves = (record: ConstructorParameters<typeof FetchWorld>[0], live = [1, 2, 3]) => {
    const world = new FetchWorld({ leader, ...record });
    world.live(...live);
    return misplacedLeaders(world.view).map(({ to }) => to);
  };
  expect(moves({})).toEqual([1]);
  expect(moves({ leader: { broker: 1, incarnation: 1 } })).toEqual([]);
  expect(moves({ isr: ['r2', 'r3'] })).toEqual([]);
  expect(moves({}, [2, 3])).toEqual([]);
  expect(moves({}, [1, 3])).toEqual([]);
  expect(moves({ transition: { id: 'x', to: 'raft', phase: 'seal' } })).toEqual([]);
});
