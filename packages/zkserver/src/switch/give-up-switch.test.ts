// How a switch ends that can not be completed (rule 17), and when one may not begin.
import type { PartitionRecord } from '@zhumq/model';
import { FetchWorld, TOPIC_ID, broker } from '../testing/fetch-world.js';
import type { SwitchEvent } from './switch-events.js';

const ID = 'the intent';
const reason = 'it took too long';

const givenUp = (mayBeSealed: boolean): SwitchEvent => ({
  kind: 'switch-given-up',
  saga: { topicId: TOPIC_ID, partition: 0, generation: 1, transitionId: ID },
  ...{ reason, mayBeSealed },
});

const raft = (phase: string | undefined, given: Partial<PartitionRecord> = {}): FetchWorld =>
  new FetchWorld({
    ...{ mode: 'raft', isr: [], voters: ['r1', 'r2', 'r3'] },
    transition: phase === undefined ? undefined : { id: ID, to: 'fetch', phase },
    ...given,
  });

const fetch = (given: Partial<PartitionRecord> = {}): FetchWorld =>
  new FetchWorld({ transition: { id: ID, to: 'raft', phase: 'seal' }, ...given });

const outcome = (to: 'raft' | 'fetch') => ({ id: ID, to, done: false, reason });

describe('giving up', () => {
  test('rule 17: before any seal call the intent is taken back, and the generation stays', () => {
    const world = fetch();
    const before = world.record;
    const after = { ...before, transition: undefined, lastSwitch: outcome('raft') };
    expect(world.apply(givenUp(false))).toEqual(after);
  });

  test('rule 17: after a seal call, mode fetch goes on in the next generation and epoch with the same ISR', () => {
    const record = fetch({ isr: ['r1', 'r2'], elr: ['r3'] }).apply(givenUp(true));
    expect(record).toMatchObject({
      ...{ mode: 'fetch', generation: 2, epoch: 6, isr: ['r1', 'r2'], elr: ['r3'] },
      ...{ leader: { broker: 1, incarnation: 1 }, seal: undefined, transition: undefined },
      lastSwitch: outcome('raft'),
    });
  });

  test('rule 3: a leader that lives another life does not lead the next generation', () => {
    const world = fetch();
    world.live(broker(1, { incarnation: 2 }), 2, 3);
    expect(world.apply(givenUp(true))).toMatchObject({ leader: undefined, epoch: 6 });
  });

  test.each(['seal', 'close'])(
    'rule 17: from phase %s, mode raft goes on through close',
    (phase) => {
      const world = raft(phase);
      const record = world.apply(givenUp(true));
      expect(record).toMatchObject({
        ...{ mode: 'raft', generation: 1, transition: { id: ID, to: 'fetch', phase: 'abort' } },
        lastSwitch: outcome('fetch'),
      });
      expect(world.decide(givenUp(true))).toEqual([]);
      const answers = [1, 2].map((id) => ({
        ...{ replicaId: `r${id}`, broker: id, incarnation: 1, tainted: false },
        ...{ epoch: 9, end: { epoch: 9, offset: 10 * id } },
      }));
      const saga = { topicId: TOPIC_ID, partition: 0, generation: 1, transitionId: ID };
      expect(world.apply({ kind: 'group-closed', saga, answers, at: '' })).toMatchObject({
        ...{ mode: 'raft', generation: 2, epoch: 10, transition: undefined, seal: undefined },
        ...{ leader: { broker: 2 }, lastSwitch: outcome('fetch') },
      });
    },
  );

  test('an intent in phase close is not taken back, whoever says that nothing was sealed', () => {
    expect(raft('close').apply(givenUp(false)).transition?.phase).toBe('abort');
  });

  test('a recovery has nothing to go back to', () => {
    const world = raft('close', { transition: { id: ID, to: 'raft', phase: 'close' } });
    expect(world.decide(givenUp(true))).toEqual([]);
  });
});

describe('rule 17: a leader that is sealed without a transition', () => {
  const claim = {
    ...{ topicId: TOPIC_ID, partition: 0, generation: 1, epoch: 5, broker: 1, incarnation: 1 },
    sealedBy: 'a zombie',
  };
  const report = (given: Partial<typeof claim> = {}) =>
    ({ kind: 'leaders-claimed', claims: [{ ...claim, ...given }] }) as const;

  test('is helped into the next generation: in mode raft through close', () => {
    expect(raft(undefined).apply(report())).toMatchObject({
      ...{ generation: 1, transition: { id: 'a zombie', to: 'fetch', phase: 'abort' } },
      lastSwitch: { id: 'a zombie', to: 'fetch', done: false },
    });
  });

  test('is helped into the next generation: in mode fetch at once', () => {
    const record = fetch({ transition: undefined }).apply(report());
    expect(record).toMatchObject({ mode: 'fetch', generation: 2, epoch: 6, transition: undefined });
  });

  test('may report for the first time that it leads', () => {
    const world = raft(undefined);
    world.apply(report({ epoch: 6, broker: 2 }));
    expect(world.record).toMatchObject({ epoch: 6, leader: { broker: 2 } });
    expect(world.record.transition?.phase).toBe('abort');
  });

  test.each([
    ['a switch is under way', raft('seal'), {}],
    ['it speaks of another generation', raft(undefined, { generation: 2 }), {}],
    ['it is not the leader that is recorded', raft(undefined), { broker: 2 }],
    ['it leads in an older term', raft(undefined), { epoch: 4 }],
    ['it lived another life', raft(undefined), { incarnation: 0 }],
  ])('is not believed when %s', (_why, world, given) => {
    expect(world.decide(report(given))).toEqual([]);
  });
});

describe('beginning', () => {
  const want = (to: 'raft' | 'fetch', partition = 0): SwitchEvent => ({
    ...{ kind: 'switch-wanted', topic: 't', partition, to },
  });
  const refusalOf = (
    world: FetchWorld,
    event: SwitchEvent,
  ): { code?: string; message?: string } => {
    try {
      world.decide(event);
      return {};
    } catch (error) {
      return error as Error;
    }
  };

  test('records the intent and nothing else', () => {
    const world = fetch({ transition: undefined });
    const before = world.record;
    const { transition, ...rest } = world.apply(want('raft'));
    expect(transition).toMatchObject({ to: 'raft', phase: 'seal' });
    expect({ ...rest, transition: undefined }).toEqual(before);
    // Asked again, it is under way already.
    expect(world.decide(want('raft'))).toEqual([]);
  });

  test('a partition that is in that mode already needs nothing', () => {
    expect(raft(undefined).decide(want('raft'))).toEqual([]);
    expect(fetch({ transition: undefined }).decide(want('fetch'))).toEqual([]);
  });

  const few = fetch({ transition: undefined, isr: ['r1'], elr: ['r2'] });
  const leaderless = fetch({ transition: undefined, leader: undefined });
  const lonely = raft(undefined);
  lonely.live(1);
  const wiped = raft(undefined);
  wiped.live(1, broker(2, { directoryId: 'new' }));
  test.each([
    ['rule 12: less than a majority is in sync', few, 'raft', /only 1 of 3 replicas are in sync/],
    ['nobody leads it', leaderless, 'raft', /nobody leads/],
    ['most voters are not there', lonely, 'fetch', /only 1 of its 3 voters/],
    ['rule 6: most voters lost their directory', wiped, 'fetch', /only 1 of its 3 voters/],
    ['it is switched to the other mode', raft('seal'), 'raft', /switch to mode fetch is under way/],
    ['a switch is being aborted', raft('abort'), 'fetch', /phase abort/],
    [
      'it is being recovered',
      raft('close', { transition: { id: ID, to: 'raft', phase: 'close' } }),
      'fetch',
      /recovery is under way/,
    ],
  ] as const)('is refused when %s', (_why, world, to, message) => {
    const error = refusalOf(world, want(to));
    expect(error.code).toBe('SWITCH_REFUSED');
    expect(error.message).toMatch(message);
  });

  test('of what does not exist is refused', () => {
    expect(refusalOf(fetch(), want('raft', 7)).code).toBe('UNKNOWN_PARTITION');
    const nothing = { ...want('raft'), topic: 'nothing' } as SwitchEvent;
    expect(refusalOf(fetch(), nothing).code).toBe('UNKNOWN_TOPIC');
  });
});
