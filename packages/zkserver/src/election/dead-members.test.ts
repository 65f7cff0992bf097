// Who leaves the ISR because its broker is gone, as pure decisions. Brokers 1 to 3 hold r1 to r3; broker 1 leads in epoch 5.
import { FetchWorld, answer, broker } from '../testing/fetch-world.js';

const look = { kind: 'look' } as const;

test('a dead follower leaves the ISR at once, and with enough others in sync is not eligible any more', () => {
  const world = new FetchWorld();
  world.live(1, 2);
  const before = world.record;
  expect(world.apply(look)).toEqual({ ...before, isr: ['r1', 'r2'] });
  expect(world.version).toBe(1);
  world.apply(look);
  expect(world.version).toBe(1);
});

test('those that leave when too few stay are eligible: they have all that was committed', () => {
  const world = new FetchWorld();
  world.live(1);
  expect(world.apply(look)).toMatchObject({ isr: ['r1'], elr: ['r2', 'r3'], epoch: 5 });
});

test('a member outside of the ISR that dies changes nothing, and stays eligible', () => {
  const world = new FetchWorld({ isr: ['r1'], elr: ['r2'] });
  world.live(1);
  expect(world.apply(look)).toMatchObject({ isr: ['r1'], elr: ['r2'] });
  expect(world.version).toBe(0);
});

test.each([
  ['dead', [2]],
  ['back in another life', [broker(1, { incarnation: 2 }), 2]],
  ['dead with everybody else', []],
])('while the leader is %s nobody leaves: an election asks all members first', (_what, live) => {
  const world = new FetchWorld();
  world.live(...live);
  world.apply(look);
  expect(world.record.isr).toEqual(['r1', 'r2', 'r3']);
});

test('who is back in another life keeps its place; its taint, if any, is the leader’s matter (decision 13)', () => {
  const world = new FetchWorld();
  world.live(1, 2, broker(3, { incarnation: 2 }));
  world.apply(look);
  expect(world.version).toBe(0);
});

test('rule 6: who is back with another directory does not', () => {
  const world = new FetchWorld();
  world.live(1, 2, broker(3, { directoryId: 'new' }));
  expect(world.apply(look).isr).toEqual(['r1', 'r2']);
});

test('who may be about to register again is neither removed nor missed', () => {
  const world = new FetchWorld();
  world.awaited = [3];
  world.live(1);
  expect(world.apply(look).isr).toEqual(['r1', 'r3']);
});

test('rule 10: what the leader proposed before it heard of a removal changes nothing', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  const expansion = world.isrWish(['r1', 'r2', 'r3']);
  const shrinking = world.isrWish(['r1']);
  world.live(1, 3);
  world.apply(look);
  expect(world.record).toMatchObject({ isr: ['r1'], elr: ['r2'] });
  world.live(1, 2, 3);
  expect(world.decide(expansion)).toEqual([]);
  expect(world.decide(shrinking)).toEqual([]);
});

test('rule 10: a member that was counted in before its broker died is taken out although its leader has not heard of it', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  world.apply(world.isrWish(['r1', 'r2', 'r3']));
  world.live(1, 2);
  // The leader counts r1 to r3 until it hears of version 2: no less than what is recorded.
  expect(world.apply(look).isr).toEqual(['r1', 'r2']);
  expect(world.version).toBe(2);
});

test('rule 11: (a) an unclean member that was removed does not lead for the last one, which has it all', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  world.live(1, 3);
  world.apply(look);
  const tainted = answer(2, 40, { incarnation: 2, tainted: true });
  world.live(broker(2, { incarnation: 2 }), 3);
  world.apply(look);
  expect(world.decide(world.election([tainted]))).toEqual([]);
  world.live(broker(1, { incarnation: 2 }), broker(2, { incarnation: 2 }), 3);
  const whole = answer(1, 90, { incarnation: 2 });
  expect(world.apply(world.election([tainted, whole])).leader?.broker).toBe(1);
});

test('rule 11: a member that was removed and stopped cleanly leads when the last one is lost', () => {
  const world = new FetchWorld({ isr: ['r1', 'r2'] });
  world.live(1, 3);
  world.apply(look);
  world.live(broker(2, { incarnation: 2 }), 3);
  const clean = answer(2, 90, { incarnation: 2 });
  expect(world.apply(world.election([clean]))).toMatchObject({
    ...{ leader: { broker: 2, incarnation: 2 }, isr: ['r2'], elr: ['r1'], lossEpoch: 0 },
  });
});

test('rule 12: a seal that waits for a dead member of the ISR is asked for without it', () => {
  const transition = { id: 'x', to: 'raft', phase: 'seal' } as const;
  const world = new FetchWorld({ transition });
  const { version } = world;
  world.live(1, 2);
  expect(world.apply(look)).toMatchObject({ isr: ['r1', 'r2'], transition });
  const sealed = {
    ...({ kind: 'isr-sealed', seal: { epoch: 5, offset: 9 }, replicas: ['r1', 'r2'] } as const),
    saga: { ...world.key, generation: 1, transitionId: 'x' },
  };
  expect(world.decide({ ...sealed, version })).toEqual([]);
  expect(world.apply({ ...sealed, version: world.version })).toMatchObject({ mode: 'raft' });
});

describe('at an election', () => {
  test('who is dead leaves, with the rule for who stays eligible', () => {
    const world = new FetchWorld();
    world.live(3);
    expect(world.apply(world.election([answer(3, 90)]))).toMatchObject({
      ...{ leader: { broker: 3 }, isr: ['r3'], elr: ['r1', 'r2'], epoch: 6 },
    });
  });

  test('a former leader that is back already stays, and so does a live one that gave no answer', () => {
    const world = new FetchWorld();
    world.live(broker(1, { incarnation: 2 }), 2, 3);
    const record = world.apply(world.election([answer(2, 90)]));
    expect(record.isr).toEqual(['r1', 'r2', 'r3']);
  });

  test('so it is when the leadership is moved on purpose', () => {
    const world = new FetchWorld();
    world.live(1, 2);
    const record = world.apply(world.election([answer(2, 90)], { wanted: 2 }));
    expect(record).toMatchObject({ leader: { broker: 2 }, isr: ['r1', 'r2'] });
  });

  test('who is awaited stays', () => {
    const world = new FetchWorld();
    world.awaited = [3];
    world.live(2);
    expect(world.apply(world.election([answer(2, 90)])).isr).toEqual(['r2', 'r3']);
  });
});
