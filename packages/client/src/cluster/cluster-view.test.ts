import { ReplicationMode } from '@zhumq/rpc';
import type { ClusterMetadata } from '@zhumq/rpc';
import { parseBootstrap } from './addresses.js';
import { ClusterView } from './cluster-view.js';

interface State {
  readonly controllerEpoch?: number;
  readonly leader?: number;
  readonly epoch?: number;
  readonly generation?: number;
  readonly topicId?: string;
  readonly clusterId?: string;
}

function metadata(state: State): ClusterMetadata {
  const { controllerEpoch = 1, leader = 1, epoch = 1, topicId = 'a', clusterId = 'c' } = state;
  const { generation = 1 } = state;
  return {
    clusterId,
    brokers: [1, 2, 3].map((id) => ({
      endpoint: { id, host: `b${id}`, port: 9092 },
      ...{ rack: '', weight: 1, incarnation: 1, directoryId: '', alive: true },
    })),
    ...{ zkservers: [], controller: 1, controllerEpoch },
    topics: [
      {
        ...{ name: 't', topicId, replicationFactor: 3, config: {} },
        partitions: [
          {
            partition: 0,
            leader,
            epoch,
            mode: ReplicationMode.RAFT,
            generation,
            replicas: [],
            isr: [],
          },
        ],
      },
    ],
  };
}

describe('what a client believes of the cluster', () => {
  let view: ClusterView;
  const apply = (state: State): boolean => view.apply(metadata(state), ['t'], 0).changed;
  const leader = (): number | undefined => view.topic('t')?.partitions[0].leader;
  beforeEach(() => {
    view = new ClusterView();
    apply({ controllerEpoch: 5, leader: 1, epoch: 7 });
  });

  test('does not go back to an older epoch of a partition', () => {
    expect(apply({ controllerEpoch: 5, leader: 2, epoch: 6 })).toBe(false);
    expect(leader()).toBe(1);
    expect(apply({ controllerEpoch: 5, leader: 2, epoch: 8 })).toBe(true);
    expect(leader()).toBe(2);
  });

  test('does not go back to an older generation of a partition, whatever the epochs', () => {
    apply({ controllerEpoch: 5, leader: 2, generation: 2, epoch: 8 });
    expect(apply({ controllerEpoch: 5, leader: 1, generation: 1, epoch: 9 })).toBe(false);
    expect(leader()).toBe(2);
  });

  test('takes leaders of a larger epoch from replicas that know of an older controller', () => {
    const told = (state: State): boolean => view.applyLeaders(metadata(state)).changed;
    expect(told({ controllerEpoch: 4, leader: 2, epoch: 6 })).toBe(false);
    expect(told({ controllerEpoch: 4, leader: 2, epoch: 8, topicId: 'b' })).toBe(false);
    expect(leader()).toBe(1);
    expect(told({ controllerEpoch: 4, leader: 2, epoch: 8 })).toBe(true);
    expect(leader()).toBe(2);
    // A controller that has not heard of it does not take it back,
    apply({ controllerEpoch: 6, leader: 1, epoch: 7 });
    expect(leader()).toBe(2);
    // and what is shown to people says the same.
    const shown = view.newest(metadata({ controllerEpoch: 6, leader: 1, epoch: 7 }));
    expect(shown.topics[0].partitions[0]).toMatchObject({ leader: 2, epoch: 8 });
  });

  test('counts as a move only what names a leader by a larger epoch', () => {
    const movedAt = (): number | undefined => view.partition('t', 0)?.movedAt;
    view.applyHint('t', 0, { id: 3, host: 'b3', port: 9092 });
    view.doubtLeader('t', 0, 3);
    apply({ controllerEpoch: 5, leader: 2, epoch: 7 });
    apply({ controllerEpoch: 5, leader: -1, epoch: 8 });
    expect(movedAt()).toBe(0);
    apply({ controllerEpoch: 5, leader: 2, epoch: 8 });
    expect(movedAt()).toBe(1);
  });

  test('does not go back to an older controller', () => {
    apply({ controllerEpoch: 4, leader: 2, epoch: 9 });
    expect(leader()).toBe(1);
  });

  test('takes a hint at once and keeps it against metadata of the same epoch', () => {
    view.applyHint('t', 0, { id: 3, host: 'b3', port: 9092 });
    expect(leader()).toBe(3);
    apply({ controllerEpoch: 5, leader: 1, epoch: 7 });
    expect(leader()).toBe(3);
    apply({ controllerEpoch: 5, leader: 2, epoch: 8 });
    expect(leader()).toBe(2);
  });

  test('gives a hint up that proved wrong', () => {
    view.applyHint('t', 0, { id: 3, host: 'b3', port: 9092 });
    view.doubtLeader('t', 0, 3);
    apply({ controllerEpoch: 5, leader: 1, epoch: 7 });
    expect(leader()).toBe(1);
  });

  test('learns of a broker from a hint', () => {
    view.applyHint('t', 0, { id: 8, host: 'new', port: 1 });
    expect(leader()).toBe(8);
    expect(view.broker(8)).toEqual({ id: 8, host: 'new', port: 1 });
  });

  test('forgets a topic that is gone, and begins anew with one of the same name', () => {
    apply({ controllerEpoch: 5, topicId: 'b', leader: 3, epoch: 1 });
    expect(leader()).toBe(3);
    view.apply({ ...metadata({ controllerEpoch: 5 }), topics: [] }, ['t'], 0);
    expect(view.topic('t')).toBeUndefined();
  });

  test('does not believe a server that leaves partitions out', () => {
    const told = metadata({ controllerEpoch: 6, leader: 2, epoch: 9 });
    const [topic] = told.topics;
    const second = { ...topic.partitions[0], partition: 1 };
    for (const partitions of [[second], [second, topic.partitions[0]], []]) {
      view.apply({ ...told, topics: [{ ...topic, partitions }] }, ['t'], 0);
      view.applyLeaders({ ...told, topics: [{ ...topic, partitions }] });
      expect(leader()).toBe(1);
    }
    view.apply({ ...told, topics: [{ ...topic, name: 'u', partitions: [second] }] }, ['u'], 0);
    expect(view.topic('u')).toBeUndefined();
  });

  test('does not listen to another cluster', () => {
    expect(() => apply({ clusterId: 'other', controllerEpoch: 9 })).toThrow('belongs to cluster');
  });
});

describe('bootstrap addresses', () => {
  test('are read from one text or many', () => {
    const addresses = [
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ];
    expect(parseBootstrap('zhumq://a:1,[::1]:2')).toEqual(addresses);
    expect(parseBootstrap('a:1, [::1]:2/')).toEqual(addresses);
    expect(parseBootstrap(['zhumq://a:1', '[::1]:2', 'a:1'])).toEqual(addresses);
  });

  test.each([['a'], [''], ['zhumq://'], ['a:b'], ['http://a:1'], ['a:99999']])(
    '%p is none',
    (text) => {
      expect(() => parseBootstrap(text)).toThrow(/bootstrap/);
    },
  );
});
