import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { ClusterMetadata, DesiredState, PartitionAssignment } from '@zhumq/rpc';
import { PartitionRegistry } from '../partition/partition-registry.js';
import { MetadataHandler } from './metadata-handler.js';

function held(partition: number, partitionCount: number | undefined): PartitionAssignment {
  const replicas = [{ broker: 1, replicaId: 'a'.repeat(32), directoryId: 'd'.repeat(32) }];
  return {
    ...{ topic: 'orders', topicId: '7'.repeat(32), config: {}, partitionCount },
    info: {
      ...{ partition, replicas, leader: 1, epoch: 3, generation: 2, isr: [] },
      mode: ReplicationMode.FETCH,
    },
  };
}

/** What a broker that holds these tells while no zkserver answers. */
function told(
  partitions: readonly PartitionAssignment[],
  topics?: string[],
): Promise<ClusterMetadata> {
  const state = { controllerEpoch: 4, version: 1, clusterId: 'c', tombstones: [], brokers: [] };
  const handler = new MetadataHandler({
    link: { callAny: () => Promise.reject(zhumqError('STORE_UNAVAILABLE', 'nobody')) } as never,
    registry: new PartitionRegistry(),
    transport: { brokerOf: () => undefined } as never,
    desiredState: (): DesiredState => ({ ...state, partitions: [...partitions] }),
    callTimeoutMs: 100,
  });
  return handler.metadata({ topics });
}

describe('a broker that no zkserver answers', () => {
  test('tells of all partitions of a topic although it holds some, and knows leaders of those alone', async () => {
    const { topics } = await told([held(2, 4), held(1, 4)], ['orders']);
    expect(topics).toHaveLength(1);
    const [{ partitions }] = topics;
    expect(partitions.map(({ partition, leader }) => [partition, leader])).toEqual([
      [0, -1],
      [1, 1],
      [2, 1],
      [3, -1],
    ]);
    // Older than what anybody else says.
    expect(partitions[0]).toMatchObject({ generation: 0, epoch: 0 });
  });

  test.each([undefined, 1, 1 << 30])(
    'does not tell of a topic that it knows to have %p partitions while it holds partition 1',
    async (count) => {
      await expect(told([held(1, count)], ['orders'])).rejects.toThrow('does not hold all');
      expect((await told([held(1, count)])).topics).toEqual([]);
    },
  );
});
