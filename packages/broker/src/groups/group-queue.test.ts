import { LoneCoordinator } from '../testing/groups/lone-coordinator.js';
import { GroupQueue } from './group-queue.js';

test('takes no more decisions than it may while nothing can be committed, and goes on when it can', async () => {
  const { moment } = new LoneCoordinator();
  let commit: () => void = () => undefined;
  const port = {
    group: 'g',
    look: () => ({ base: undefined, moment }),
    propose: () => new Promise<void>((resolve) => (commit = resolve)),
    confirm: () => Promise.resolve(),
    idle: () => undefined,
  };
  const queue = new GroupQueue(port);
  const head = { epoch: { term: 1, counter: 1 }, topics: new Map(), emptySince: 0 };
  const first = queue.run((draft) => draft.putHead(head));
  const waiting = Array.from({ length: 10_000 }, () => queue.run(() => 'done'));
  await expect(queue.run(() => 'done')).rejects.toMatchObject({
    ...{ code: 'OVERLOADED', retriable: true, outcome: 'rejected' },
  });
  commit();
  await first;
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
  expect(await queue.run(() => 'again')).toBe('again');
});
