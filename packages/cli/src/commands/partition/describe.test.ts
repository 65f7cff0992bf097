import type { PartitionDetails } from '@zhumq/client';
import { remarks } from './describe.js';

const partition = (given: Partial<PartitionDetails>) =>
  ({ topic: 't', partition: 0, ...given }) as PartitionDetails;

test('a switch that is being taken back is not said to have ended', () => {
  const lastSwitch = { id: 'a', to: 'fetch', done: false, reason: 'why' } as const;
  const transition = { id: 'a', to: 'fetch', phase: 'abort' } as const;
  expect(remarks(partition({ lastSwitch }))).toEqual([
    't-0: the last switch, to fetch, was given up: why',
  ]);
  expect(remarks(partition({ lastSwitch, transition }))).toEqual([
    't-0: the last switch, to fetch, is being given up: why',
  ]);
  const next = { ...transition, id: 'b', phase: 'seal' };
  expect(remarks(partition({ lastSwitch, transition: next }))[0]).toContain('was given up');
});
