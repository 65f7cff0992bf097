// Rules 14, 23, 29 and 33: what comes from producers, folders, consumers and the metadata store is not taken at its word.
import { ZhumqError } from '@zhumq/base';
import { paths } from '@zhumq/metadata';
import { modeSealBatch } from '@zhumq/model';
import type { ScriptedScenario } from './scripted-scenario.js';
import { TOPIC } from './stage.js';

const LATE_SYNC = { flush: 'interval', 'flush.interval.ms': '60s' };
const AGAIN = 'again';

export const INPUT_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-14-forged-control-batch',
    about: 'a producer sends a seal, with a good checksum, as if it were records',
    options: {},
    play: async (stage) => {
      const [leader] = await stage.cast();
      const one = await stage.client('one');
      const { generation } = stage.record;
      const batch = modeSealBatch({ generation, transitionId: 'forged' }, 1);
      const end = stage.end(leader);
      const asked = one.call(leader, (broker) =>
        broker.produce({
          ...{ acks: 1, timeoutMs: 1_000 },
          partitions: [{ topic: TOPIC, partition: 0, batch }],
        }),
      );
      await stage.until('it is answered', () => asked.done);
      stage.promise(
        'it is refused',
        asked.error !== undefined || asked.value?.partitions.at(0)?.failure !== undefined,
      );
      stage.promise('nothing was stored', stage.end(leader) === end);
      await one.sendAll('after-', 3);
      stage.promise('nothing is sealed', stage.record.generation === generation);
    },
  },
  {
    name: 'rule-23-topic-made-again',
    about:
      'a topic is deleted and made again under its name while a broker is down that holds a replica of the old one',
    options: {},
    play: async (stage) => {
      const one = await stage.client('one');
      const wanted = { topic: AGAIN, partitions: 1, replicas: 3, wait: 10_000 };
      await one.admin((admin) => admin.createTopic(wanted));
      const old = ['old-1', 'old-2', 'old-3', 'old-4'];
      await one.answer(async (client) => {
        const producer = client.producer();
        for (const value of old) await producer.send(AGAIN, { partition: 0, value });
      });
      const [, , asleep] = await stage.cast(AGAIN);
      const { topicId } = stage.replica(asleep, AGAIN).name;
      stage.kill(asleep);
      await one.admin((admin) => admin.deleteTopic({ topic: AGAIN }));
      await one.admin((admin) => admin.createTopic(wanted));
      const two = await stage.client('two');
      await two.answer((client) => client.producer().send(AGAIN, { partition: 0, value: 'new' }));
      await stage.restarted(asleep);
      await stage.until(
        'it has a replica of the new one',
        () => {
          const partition = stage.partition(asleep, AGAIN);
          return partition !== undefined && partition.name.topicId !== topicId;
        },
        30_000,
        'liveness',
      );
      const others = stage.brokers.filter((slot) => slot !== asleep);
      await stage.until(
        'it holds what the others hold',
        () => others.every((slot) => stage.end(slot, AGAIN) === stage.end(asleep, AGAIN)),
        30_000,
        'liveness',
      );
      const values = await two.answer(async (client) => {
        const consumer = client.consumer({ topic: AGAIN, from: 'earliest' });
        const messages = await consumer.fetch({ max: 10, wait: '2s' });
        await consumer.close();
        return messages.map(({ value }) => value?.toString());
      });
      stage.promise('only what was sent to the new one', values.join() === 'new');
      const files = asleep.machine.disk?.files() ?? [];
      await stage.until(
        'the old folder is away',
        () =>
          files.length > 0 &&
          !(asleep.machine.disk?.files() ?? []).some((path) => path.includes('old')),
      );
    },
  },
  {
    name: 'rule-29-reader-of-what-is-lost-is-told',
    about:
      'flush=interval: a consumer has read records that all replicas lost with their power; when others stand in their place it is told, and not just given what follows',
    options: { config: LATE_SYNC, mayLose: true },
    play: async (stage) => {
      const slots = await stage.cast();
      const one = await stage.client('one');
      const two = await stage.client('two');
      const reader = two.reader();
      await one.sendAll('lost-', 4);
      await stage.until('the reader has them', () => reader.values.length === 4);
      const goOn = two.pause();
      for (const slot of slots) stage.losePower(slot);
      for (const slot of slots) await stage.restarted(slot);
      await stage.until('it is led again', () => slots.some((slot) => stage.leads(slot)));
      stage.saw('a loss was reported', stage.record.lossEpoch > 0);
      const three = await stage.client('three');
      await three.sendAll('other-', 8);
      goOn();
      await stage.until(
        'the reader is told something',
        () => reader.errors.length > 0,
        20_000,
        'promise',
      );
      const [error] = reader.errors;
      stage.promise('that records were cut', ZhumqError.is(error) && error.code === 'TRUNCATED');
    },
  },
  {
    name: 'rule-33-election-without-an-answer',
    about:
      'the active zkserver dies; the write with which the other one takes over is done, and its answer is lost: it finds out by itself that it was elected',
    options: {},
    play: async (stage) => {
      const { cluster, hands } = stage;
      const one = await stage.client('one');
      const takesOver = (path: string): boolean => path === paths.controller;
      const lost = hands.nextWrite(undefined, 'unanswered', (operations) =>
        operations.some((operation) => operation.kind === 'create' && takesOver(operation.path)),
      );
      const { store } = stage.world.ensemble;
      const controller = store.getNode('', paths.controller, false)?.data.toString();
      const active = cluster.zkservers.find(
        ({ id }) => controller?.includes(`zkserver-${id}`) === true,
      );
      if (active === undefined) return stage.fail('execution', 'no zkserver is the active one');
      stage.kill(active);
      await stage.until('the other one has written that it is active', () => lost.met);
      const topic = { topic: 'later', partitions: 1, replicas: 3, ifNotExists: true };
      const made = one.ask((client) => client.admin().createTopic({ ...topic, wait: 10_000 }));
      await stage.until('a topic is made', () => made.done, 15_000, 'liveness');
      stage.promise('it was made', made.error === undefined);
    },
  },
];
