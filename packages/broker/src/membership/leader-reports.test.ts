import { ManualClock, silentLogger } from '@zhumq/base';
import type { LeaderReport, ZkServerClient } from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import { settle } from '../testing/test-cluster.js';
import { LeaderReports } from './leader-reports.js';

const name = { topic: 'orders', topicId: '7'.repeat(32), partition: 0, generation: 1 };
const leading = { name, leads: true, replicator: { established: true, mode: 'raft', epoch: 4 } };

test('a report that was refused is sent again, from the state at that time', async () => {
  const clock = new ManualClock();
  const sent: number[] = [];
  let refuse = true;
  const reportLeaders = (reports: readonly LeaderReport[]): Promise<unknown> => {
    if (refuse) return Promise.reject(new Error('refused'));
    sent.push(...reports.map(({ epoch }) => epoch));
    return Promise.resolve([]);
  };
  const client = { reportLeaders } as unknown as ZkServerClient;
  const link = { callActive: <T>(call: (to: ZkServerClient) => Promise<T>) => call(client) };
  const reports = new LeaderReports({
    brokerId: 1,
    incarnation: 1,
    link,
    clock,
    logger: silentLogger,
  });
  const partition = { ...leading, replicator: { ...leading.replicator } };
  reports.add(partition as unknown as Partition);
  await settle();
  refuse = false;
  partition.replicator.epoch = 6;
  clock.advance(5000);
  await settle();
  expect(sent).toEqual([6]);
  reports.add(partition as unknown as Partition);
  await settle();
  expect(sent).toEqual([6, 6]);
  reports.close();
});

test('rule 17: says by whom the log is sealed; of mode fetch nothing else is reported', async () => {
  const sent: LeaderReport[] = [];
  const client = {
    reportLeaders: (all: readonly LeaderReport[]) => {
      sent.push(...all);
      return Promise.resolve([]);
    },
  } as unknown as ZkServerClient;
  const reports = new LeaderReports({
    brokerId: 1,
    incarnation: 1,
    link: { callActive: <T>(call: (to: ZkServerClient) => Promise<T>) => call(client) },
    clock: new ManualClock(),
    logger: silentLogger,
  });
  const inState = (change: object): Partition =>
    ({ ...leading, replicator: { ...leading.replicator, ...change } }) as unknown as Partition;
  reports.add(inState({ sealedBy: 'switch-1' }));
  reports.add(inState({}));
  reports.add(inState({ mode: 'fetch' }));
  reports.add(inState({ mode: 'fetch', sealedBy: 'switch-2' }));
  await settle();
  expect(sent.map(({ sealedBy }) => sealedBy)).toEqual(['switch-1', undefined, 'switch-2']);
});
