// Pitfalls of the zkserver as the one that decides, and of the brokers that it tells.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import type { ServerSlot } from '../simulated-cluster.js';
import { syncAll } from './fetch-elections.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS, TOPIC } from './stage.js';
import type { Stage } from './stage.js';

const LATE_SYNC = { flush: 'interval', 'flush.interval.ms': '60s' };
/** Made by a script itself. */
const LATER = 'later';

/** Undefined while nobody has written that it is. */
function activeZkServer({ cluster, world }: Stage): ServerSlot | undefined {
  const controller = world.ensemble.store.getNode('', paths.controller, false)?.data.toString();
  return cluster.zkservers.find(({ id }) => controller?.includes(`zkserver-${id}`) === true);
}

/** The active zkserver and the other one. */
function zkServersOf(stage: Stage): [ServerSlot, ServerSlot] {
  const active = activeZkServer(stage);
  const other = stage.cluster.zkservers.find((slot) => slot !== active);
  if (active === undefined || other === undefined)
    return stage.fail('execution', 'no zkserver is active');
  return [active, other];
}

/** As a restored backup of the store would, that is older than the topic. */
function forgetTopic({ world }: Stage, topic: string): void {
  const { store } = world.ensemble;
  const token = store.openSession({
    timeoutMs: Infinity,
    onChanged: () => undefined,
    onOver: () => undefined,
  });
  const nodes = [
    paths.partition(topic, 0),
    paths.partitions(topic),
    paths.topicConfig(topic),
    paths.topic(topic),
  ];
  const operations = nodes.flatMap((path): StoreOperation[] => {
    const node = store.getStat(token, path, false);
    return node === undefined ? [] : [{ kind: 'delete', path, version: node.version }];
  });
  store.write(token, operations);
  store.endSession(token);
}

export const CONTROLLER_PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-orders-of-a-deposed-controller',
    about:
      'what a zkserver said to the brokers is on its way while it stands still and another one takes over, makes a topic and records are written; then it arrives, and names no such topic',
    options: {},
    play: async (stage) => {
      const { hands, cluster } = stage;
      const [active, other] = zkServersOf(stage);
      const one = await stage.client('one');
      const orders = cluster.brokers.map((slot) =>
        hands.hold(active, slot, { method: 'reconcile', answer: false }),
      );
      const wanted = { partitions: 1, replicas: 3 };
      one.ask((client) => client.admin().createTopic({ topic: 'first', ...wanted }));
      await stage.until('it tells all brokers something', () =>
        orders.every(({ caught }) => caught),
      );
      stage.pause(active);
      hands.expire(active);
      await stage.until('the other one is active', () => activeZkServer(stage) === other);
      await one.admin((admin) => admin.createTopic({ topic: LATER, ...wanted, wait: '10s' }));
      await one.answer((client) => client.producer().send(LATER, { value: 'acknowledged' }));
      const [leader] = await stage.cast(LATER);
      const end = stage.end(leader, LATER);
      for (const order of orders) order.release();
      await stage.never(
        'a replica loses what was acknowledged',
        () => cluster.brokers.some((slot) => stage.end(slot, LATER) < end),
        1_000,
      );
    },
  },
  {
    name: 'pitfall-election-that-was-not-written',
    about:
      'mode fetch: the write of an election is lost with its connection; its zkserver dies, and the next one, which can not reach the broker that was elected, elects another',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const [active, other] = zkServersOf(stage);
      // Among equals the first in the order of the record is elected.
      const { replicas, epoch } = stage.record;
      const [second, third] = replicas
        .map(({ broker }) => stage.brokers.find(({ id }) => id === broker) as ServerSlot)
        .filter((slot) => slot !== leader);
      const path = paths.partition(TOPIC, 0);
      const election = hands.nextWrite(active, 'lost', (operations) =>
        operations.some((operation) => operation.kind === 'set' && operation.path === path),
      );
      const orders = hands.hold(active, third, { method: 'reconcile', answer: false });
      stage.kill(leader);
      await stage.until('the election is lost', () => election.met);
      await stage.until('the second one leads', () => stage.replica(second).leads);
      stage.kill(active);
      orders.lose();
      hands.cut(other, second);
      await stage.until(
        'the third one hears of an election',
        () => stage.replica(third).replicator.epoch > epoch,
      );
      await stage.pass(ELECTION_MS);
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-election-on-an-old-record',
    about:
      'mode fetch: a member of the ISR is asked whether it can lead; while its answer is on the way it leaves the ISR, and others commit without it',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const proposal = hands.hold(leader, undefined, { method: 'changeIsr', answer: false });
      hands.cut(leader, second);
      await stage.until('it is to leave the ISR', () => proposal.caught);
      const id = stage.idOf(second);
      const answer = hands.hold(second, undefined, { method: 'replicaEnds', answer: true });
      stage.as(third, () => stage.replica(third).replicator.transferLeadership(id));
      await stage.until('its answer is on the way', () => answer.caught);
      proposal.release();
      await stage.until('it has left the ISR', () => !stage.record.isr.includes(id));
      await one.sendAll('without-', 2);
      stage.saw('it lacks what is committed', stage.end(second) < stage.end(leader));
      answer.release();
      await stage.pass(ELECTION_MS);
      hands.letGo(true);
      await one.sendAll('after-', 2);
    },
  },
  {
    name: 'pitfall-election-of-the-furthest',
    about:
      'mode fetch: all lose power at once; one of them had synced what was acknowledged: it goes furthest, and leads',
    options: { mode: 'fetch', config: LATE_SYNC, mayLose: true },
    play: async (stage) => {
      const slots = await stage.cast();
      const [, second] = slots;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      await syncAll(stage);
      const kept = await one.sendAll('kept-', 3);
      await syncAll(stage, [second]);
      for (const slot of slots) stage.losePower(slot);
      for (const slot of slots) stage.start(slot);
      const two = await stage.client('two');
      const reader = two.reader();
      await two.sendAll('after-', 2);
      await stage.until('the reader has the newest', () => reader.values.includes('after-1'));
      stage.saw('a loss is reported', stage.record.lossEpoch > 0);
      stage.promise(
        'what one of them had on its disk is there',
        kept.every(({ value }) => reader.values.includes(value)),
      );
    },
  },
  {
    name: 'pitfall-metadata-without-a-topic',
    about:
      'the metadata store comes back without a topic that nobody deleted: its replicas are taken out of service, and stay where a person finds them',
    options: {},
    play: async (stage) => {
      const { cluster } = stage;
      const one = await stage.client('one');
      const wanted = { partitions: 1, replicas: 3 };
      await one.admin((admin) => admin.createTopic({ topic: LATER, ...wanted, wait: '10s' }));
      await one.answer((client) => client.producer().send(LATER, { value: 'kept-by-all' }));
      await stage.cast(LATER);
      const [active] = zkServersOf(stage);
      stage.kill(active);
      forgetTopic(stage, LATER);
      await stage.until('no broker serves it', () =>
        cluster.brokers.every((slot) => stage.partition(slot, LATER) === undefined),
      );
      await stage.pass(ELECTION_MS);
      for (const { id, machine } of cluster.brokers) {
        const { disk } = machine;
        const kept = disk
          ?.files()
          .filter((path) => path.includes('/quarantine/') && path.endsWith('.log'))
          .some((path) => disk.contentOf(path).includes('kept-by-all'));
        stage.promise(`broker ${id} still has its records`, kept === true);
      }
    },
  },
];
