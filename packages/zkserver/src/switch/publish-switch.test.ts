// What is written at the end of a switch, for each execution of the protocol rules that has to do with it.
import type { PartitionRecord } from '@zhumq/model';
import { FetchWorld, TOPIC_ID } from '../testing/fetch-world.js';
import type { CloseAnswer, SwitchEvent } from './switch-events.js';

const ID = 'the intent';
const saga = { topicId: TOPIC_ID, partition: 0, generation: 1, transitionId: ID };
const AT = '2026-01-02T00:00:00.000Z';

/** Mode raft, led by broker 1 in term 5 as last recorded. */
const group = (phase: string, given: Partial<PartitionRecord> = {}): FetchWorld =>
  new FetchWorld({
    ...{ mode: 'raft', isr: [], voters: ['r1', 'r2', 'r3'] },
    transition: { id: ID, to: 'fetch', phase },
    ...given,
  });

const fetching = (given: Partial<PartitionRecord> = {}): FetchWorld =>
  new FetchWorld({ transition: { id: ID, to: 'raft', phase: 'seal' }, ...given });

const closed = (
  id: number,
  offset: number,
  epoch = 5,
  given: Partial<CloseAnswer> = {},
): CloseAnswer => ({
  ...{ replicaId: `r${id}`, broker: id, incarnation: 1, tainted: false },
  ...{ epoch, end: { epoch, offset }, ...given },
});

const answered = (...answers: CloseAnswer[]): SwitchEvent => ({
  ...{ kind: 'group-closed', saga, answers, at: AT },
});

const sealed = (world: FetchWorld, replicas: string[], given: object = {}): SwitchEvent => ({
  ...{ kind: 'isr-sealed', saga, version: world.version, replicas },
  ...{ seal: { epoch: world.record.epoch, offset: 9 }, ...given },
});

describe('raft -> fetch', () => {
  test('rule 1 (a): the epoch is above every term that a closed voter has seen, and what is cut off does not count', () => {
    // C led term 6 alone and wrote 90..150; A was elected in term 7 and nobody told the zkserver.
    const record = group('close').apply(answered(closed(1, 101, 7), closed(2, 101, 7)));
    expect(record).toMatchObject({
      ...{ mode: 'fetch', generation: 2, epoch: 8, isr: ['r1', 'r2'], voters: [], elr: [] },
      ...{ leader: { broker: 1, incarnation: 1 }, seal: { epoch: 7, offset: 101 } },
      ...{ transition: undefined, lossEpoch: 0, possibleLoss: undefined },
      lastSwitch: { id: ID, to: 'fetch', done: true, reason: '' },
    });
  });

  test('rule 1 (b): a leader that was deposed since it sealed does not lead with its old end', () => {
    const record = group('close').apply(
      answered(
        closed(1, 100, 7, { epoch: 7 }),
        closed(2, 103, 9, { incarnation: 4 }),
        closed(3, 103, 9),
      ),
    );
    expect(record).toMatchObject({
      ...{ mode: 'fetch', epoch: 10, isr: ['r2', 'r3'], seal: { epoch: 9, offset: 103 } },
      leader: { broker: 2, incarnation: 4 },
    });
  });

  test('rule 1: a term that was seen without a record of it counts as well, also of a tainted voter', () => {
    const seen = closed(3, 50, 5, { epoch: 12, tainted: true });
    const record = group('close').apply(answered(closed(1, 90), closed(2, 90), seen));
    expect(record.epoch).toBe(13);
  });

  test('the epoch is above the recorded one, too', () => {
    const world = group('close', { epoch: 40 });
    expect(world.apply(answered(closed(1, 90), closed(2, 90))).epoch).toBe(41);
  });

  test('less than a majority of answers decides nothing, and the same voter twice is one', () => {
    const world = group('close');
    expect(world.decide(answered(closed(1, 90)))).toEqual([]);
    expect(world.decide(answered(closed(1, 90), closed(1, 90)))).toEqual([]);
    const stranger = closed(9, 90);
    expect(world.decide(answered(closed(1, 90), stranger))).toEqual([]);
  });

  test('the present leader goes on when its end is the largest; else a replica that has it', () => {
    const leader = { broker: 3, incarnation: 1 };
    const all = [closed(1, 90), closed(2, 90), closed(3, 90)];
    expect(group('close', { leader }).apply(answered(...all)).leader?.broker).toBe(3);
    const behind = [closed(1, 90), closed(2, 90), closed(3, 89)];
    expect(group('close', { leader }).apply(answered(...behind)).leader?.broker).toBe(1);
  });

  test('decision 14: with the largest end on less than a majority, a new generation of mode raft repairs it first', () => {
    const world = group('close');
    const record = world.apply(answered(closed(1, 100), closed(2, 95), closed(3, 95)));
    expect(record).toMatchObject({
      ...{ mode: 'raft', generation: 2, epoch: 6, voters: ['r1', 'r2', 'r3'], isr: [] },
      ...{ transition: { id: ID, to: 'fetch', phase: 'seal' }, leader: { broker: 1 } },
      // The largest end may never have been committed: it is nobody's commit index (rule 18).
      ...{ seal: undefined, lastSwitch: undefined, lossEpoch: 0 },
    });
  });

  test('rule 16: a tainted voter neither leads nor is in sync, and its end counts for nothing', () => {
    const record = group('close').apply(
      answered(closed(1, 100, 5, { tainted: true }), closed(2, 95), closed(3, 95)),
    );
    expect(record).toMatchObject({ mode: 'fetch', isr: ['r2', 'r3'], leader: { broker: 2 } });
    expect(record.seal).toEqual({ epoch: 5, offset: 95 });
  });

  test('rule 16: without an untainted majority there is no switch, and nothing is called lost', () => {
    const tainted = { tainted: true };
    const record = group('close').apply(
      answered(closed(1, 90, 5, tainted), closed(2, 90, 5, tainted), closed(3, 90)),
    );
    expect(record).toMatchObject({ mode: 'raft', generation: 2, transition: { phase: 'seal' } });
    expect(record).toMatchObject({ lossEpoch: 0, possibleLoss: undefined });
  });

  test('rule 17: close is recorded before anything is closed, and only while it is being sealed', () => {
    const world = group('seal');
    expect(world.decide(answered(closed(1, 90), closed(2, 90)))).toEqual([]);
    const record = world.apply({ kind: 'group-sealed', saga });
    expect(record).toMatchObject({ generation: 1, transition: { phase: 'close' } });
    expect(world.decide({ kind: 'group-sealed', saga })).toEqual([]);
  });

  test('rule 35: nothing else of the record changes', () => {
    const kept = { possibleLoss: 'once', lossEpoch: 3, learners: [] };
    const world = group('close', kept);
    const { replicas } = world.record;
    const record = world.apply(answered(closed(1, 90), closed(2, 90)));
    expect(record).toMatchObject({ ...kept, replicas });
  });

  test('answers of an earlier generation, or another intent, decide nothing', () => {
    const event = answered(closed(1, 90), closed(2, 90));
    expect(group('close', { generation: 2 }).decide(event)).toEqual([]);
    const other = { id: 'another', to: 'fetch', phase: 'close' } as const;
    expect(group('close', { transition: other }).decide(event)).toEqual([]);
    expect(group('close', { transition: undefined }).decide(event)).toEqual([]);
  });

  test('answers that come twice publish once', () => {
    const world = group('close');
    const event = answered(closed(1, 90), closed(2, 90));
    world.apply(event);
    expect(world.decide(event)).toEqual([]);
  });
});

describe('fetch -> raft', () => {
  test('begins with the seal, in the next epoch, with all replicas as voters', () => {
    const world = fetching({ isr: ['r1', 'r2'], elr: ['r3'] });
    expect(world.apply(sealed(world, ['r1', 'r2']))).toMatchObject({
      ...{ mode: 'raft', generation: 2, epoch: 6, voters: ['r1', 'r2', 'r3'], isr: [], elr: [] },
      ...{ leader: { broker: 1, incarnation: 1 }, seal: { epoch: 5, offset: 9 } },
      ...{ transition: undefined, lastSwitch: { id: ID, to: 'raft', done: true, reason: '' } },
    });
  });

  test('rule 12: not while the seal is on disk on less than a majority, or not on all of the ISR', () => {
    const world = fetching();
    expect(world.decide(sealed(world, ['r1']))).toEqual([]);
    expect(world.decide(sealed(world, ['r1', 'r2']))).toEqual([]);
    expect(world.decide(sealed(world, ['r1', 'r1', 'r9']))).toEqual([]);
    expect(world.decide(sealed(world, ['r1', 'r2', 'r3']))).not.toEqual([]);
  });

  test('an election or a change of the ISR since the seal call makes another one necessary', () => {
    const world = fetching();
    const event = sealed(world, ['r1', 'r2', 'r3']);
    world.apply(world.isrWish(['r1', 'r2']));
    expect(world.record.isr).toEqual(['r1', 'r2']);
    expect(world.decide(event)).toEqual([]);
    expect(world.decide(sealed(world, ['r1', 'r2']))).not.toEqual([]);
  });

  test('rule 17: a seal that an earlier leader wrote counts, one of an epoch that nobody was granted does not', () => {
    const world = fetching();
    const sealedIn = (epoch: number) =>
      world.decide(sealed(world, ['r1', 'r2', 'r3'], { seal: { epoch, offset: 9 } }));
    expect(sealedIn(4)).not.toEqual([]);
    expect(sealedIn(6)).toEqual([]);
  });
});

describe('rule 16: a forced recovery', () => {
  const forced = { transition: { id: ID, to: 'raft', phase: 'close' } } as const;
  const tainted = { tainted: true };

  test('takes the largest end of all who answered, and says that acknowledged records may be lost', () => {
    const world = group('close', forced);
    const record = world.apply(
      answered(closed(1, 90, 5, tainted), closed(2, 95, 5, tainted), closed(3, 80)),
    );
    expect(record).toMatchObject({
      ...{ mode: 'raft', generation: 2, epoch: 6, lossEpoch: 6, seal: undefined },
      ...{ transition: undefined, leader: { broker: 2 }, voters: ['r1', 'r2', 'r3'] },
    });
    expect(record.possibleLoss).toMatch(/^2026-01-02T.*3 of 3 voters.*95 in epoch 5/);
  });

  test('is no loss when the untainted voters are a majority by then', () => {
    const record = group('close', forced).apply(
      answered(closed(1, 90), closed(2, 95, 5, tainted), closed(3, 80)),
    );
    expect(record).toMatchObject({ generation: 2, lossEpoch: 0, possibleLoss: undefined });
    expect(record.leader?.broker).toBe(1);
  });

  test('begins with closing, once, and in the generation that was looked at', () => {
    const wanted = { kind: 'recovery-wanted', topicId: TOPIC_ID, partition: 0 } as const;
    const world = group('', { transition: undefined });
    expect(world.decide({ ...wanted, generation: 2 })).toEqual([]);
    const record = world.apply({ ...wanted, generation: 1 });
    expect(record).toMatchObject({ transition: { to: 'raft', phase: 'close' }, generation: 1 });
    expect(world.decide({ ...wanted, generation: 1 })).toEqual([]);
    expect(fetching({ transition: undefined }).decide({ ...wanted, generation: 1 })).toEqual([]);
  });
});
