import { ReplicationMode } from '@zhumq/rpc';
import { healthOf } from './health.js';

test('partitions of which nobody tells where they are, in an outage of the zkservers, are not called leaderless', () => {
  const elsewhere = { replicas: [], leader: -1, epoch: 0, generation: 0, isr: [] };
  const partitions = [{ ...elsewhere, partition: 4, mode: ReplicationMode.RAFT }];
  const health = healthOf({
    ...{ controller: -1, brokers: [], topics: [{ name: 't', partitions }] },
    replicas: { statuses: new Map(), failures: new Map() },
  });
  expect(health.problems).toEqual([
    'no zkserver is active: topics can not be created or changed',
    'no zkserver tells where they are: t-4',
  ]);
  expect(health.partitions).toEqual({ total: 1, withoutLeader: 0, underReplicated: 0 });
});
