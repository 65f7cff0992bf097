// Which changes of a partition's record are told to its brokers.
import { partitionRecordCodec } from '@zhumq/model';
import { paths } from '@zhumq/metadata';
import type { PartitionRecord } from '@zhumq/model';
import { FetchWorld } from '../testing/fetch-world.js';
import { applyWrite } from '../view/apply-write.js';
import { topicsOf } from '../view/cluster-view.js';
import { DesiredStates } from './desired-states.js';

/** Whether broker 2 is told anew after the change, and what it hears. */
function toldAfter(record: Partial<PartitionRecord>, change: Partial<PartitionRecord>) {
  const world = new FetchWorld(record);
  const states = new DesiredStates(7);
  const before = states.of(world.view, 2).version;
  const data = partitionRecordCodec.encode({ ...world.record, ...change });
  const path = paths.partition('t', 0);
  const view = applyWrite(world.view, [{ kind: 'set', path, data, version: world.version }]);
  const state = states.of(view, 2);
  return { isTold: state.version > before, info: state.partitions[0].info };
}

const transition = { id: 'x', to: 'raft', phase: 'seal' } as const;

test.each([
  ['an ISR', { isr: ['r1', 'r2'] }],
  ['a leader', { leader: { broker: 2, incarnation: 4 }, epoch: 6 }],
  ['a resignation', { leader: undefined }],
  ['nothing but the version, which settles what a leader proposed (rule 10)', {}],
])('mode fetch: every write of the record is told: %s', (_what, change) => {
  const { isTold, info } = toldAfter({}, change);
  expect(isTold).toBe(true);
  expect(info.version).toBe(1);
});

const raft = { mode: 'raft', isr: [], voters: ['r1', 'r2', 'r3'] } as const;

test.each([
  [false, 'a leader', { leader: { broker: 2, incarnation: 4 }, epoch: 6 }],
  [true, 'a switch that begins', { transition }],
  [true, 'a new generation', { generation: 2, seal: { epoch: 5, offset: 9 } }],
  [false, 'another phase of the same switch', { transition: { ...transition, phase: 'close' } }],
] as const)('it is %s that brokers in mode raft are told of %s', (isTold, what, change) => {
  const base = what.startsWith('another') ? { ...raft, transition } : raft;
  expect(toldAfter(base, change).isTold).toBe(isTold);
});

test('a broker is told how many partitions the topic has, of which it may hold some', () => {
  const world = new FetchWorld({});
  const [assignment] = new DesiredStates(7).of(world.view, 2).partitions;
  expect(assignment.partitionCount).toBe(topicsOf(world.view)[0].record.partitions);
});
