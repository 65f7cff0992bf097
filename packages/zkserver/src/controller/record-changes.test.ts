import { FetchWorld, answer, broker } from '../testing/fetch-world.js';
import { applyWrite } from '../view/apply-write.js';
import type { Event } from './decision.js';
import { recordChanges } from './record-changes.js';

const NONE = { isrShrinks: 0, isrExpands: 0, possibleLosses: 0 };
const look: Event = { kind: 'look' };

/** What the event changes, written as the controller does. */
function changesOf(world: FetchWorld, event: Event) {
  return world.decide(event).map((write) => {
    const before = world.view;
    world.view = applyWrite(before, write);
    return recordChanges(before, world.view, write, event);
  });
}

test('a dead member that is taken out of an ISR is counted, a leader that takes one in is not', () => {
  const world = new FetchWorld();
  world.live(1, 2);
  expect(changesOf(world, look)).toContainEqual({ ...NONE, isrShrinks: 1 });
  world.live(1, 2, 3);
  expect(world.record.isr).toHaveLength(2);
  for (const changes of changesOf(world, world.isrWish(['r1', 'r2', 'r3'])))
    expect(changes).toEqual(NONE);
  expect(world.record.isr).toHaveLength(3);
});

test('an election counts whom it leaves out, and a possible loss', () => {
  const world = new FetchWorld();
  world.live(broker(1, { incarnation: 2 }), 2, 3);
  const answers = [1, 2, 3].map((id) =>
    answer(id, 10 * id, { incarnation: id === 1 ? 2 : 1, tainted: true }),
  );
  expect(changesOf(world, world.election(answers))).toContainEqual({
    ...{ isrShrinks: 1, isrExpands: 0, possibleLosses: 1 },
  });
});
