// Rules 12, 13, 17 and 18: what a switch of mode takes along, and how one ends that can not be completed.
import type { ScriptedScenario } from './scripted-scenario.js';
import { LAG_MS, SESSION_MS } from './stage.js';

/** Of mode fetch by default: synced once in so long. */
const LATE_SYNC = { 'flush.interval.ms': '60s' };

export const SWITCH_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-12-seal-is-on-disk',
    about:
      'flush=interval: at the very moment at which a partition is in mode raft all replicas that were in sync lose their power; what was acknowledged in mode fetch is there',
    options: { mode: 'fetch', config: LATE_SYNC, mayLose: true },
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      hands.isolate(third);
      await stage.until('two are in sync', () => stage.record.isr.length === 2);
      const sent = await one.sendAll('fetch-', 5);
      stage.saw('it is not on disk yet', stage.replica(leader).log.syncedEnd < stage.end(leader));
      // Whoever does not wait for the disks is much faster.
      for (const slot of [leader, second]) hands.slowDisk(slot, 200);
      one.switchMode('raft');
      await stage.until('mode raft is published', () => stage.record.mode === 'raft');
      stage.losePower(leader);
      stage.losePower(second);
      hands.letGo(true);
      await stage.restarted(leader);
      await stage.restarted(second);
      const two = await stage.client('two');
      const reader = two.reader();
      await two.sendAll('raft-', 2);
      await stage.until('the reader has the newest', () => reader.values.includes('raft-1'));
      stage.promise(
        'all of mode fetch is there',
        sent.every(({ value }) => reader.values.includes(value)),
      );
    },
  },
  {
    name: 'rule-13-seal-of-an-older-generation',
    about:
      'a partition goes from raft to fetch and back: the first seal, still in the log, seals nothing',
    options: {},
    play: async (stage) => {
      const one = await stage.client('one');
      for (const to of ['fetch', 'raft', 'fetch', 'raft'] as const) {
        const switching = one.switchMode(to);
        await stage.until(`the switch to ${to} ends`, () => switching.done, 30_000, 'liveness');
        stage.promise(`it is in mode ${to}`, stage.record.mode === to);
      }
      stage.promise('each switch makes one generation', stage.record.generation === 5);
      await one.sendAll('after-', 3);
    },
  },
  {
    name: 'rule-13-closed-in-an-older-generation',
    about:
      'voters that were closed in one generation of mode raft, and had voted there, start anew in the next one, also after a restart',
    options: {},
    play: async (stage) => {
      const slots = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      for (const to of ['fetch', 'raft'] as const) {
        const switching = one.switchMode(to);
        await stage.until(`the switch to ${to} ends`, () => switching.done, 30_000, 'liveness');
      }
      for (const slot of slots) stage.kill(slot);
      for (const slot of slots) await stage.restarted(slot);
      await stage.until(
        'somebody leads the new generation',
        () => slots.some((slot) => stage.leads(slot)),
        10_000,
        'liveness',
      );
      await one.sendAll('after-', 3);
    },
  },
  {
    name: 'rule-13-restart-without-the-store',
    about:
      'all brokers are killed and start again while the metadata store is away: by what they remember they elect and serve',
    options: {},
    play: async (stage) => {
      const slots = await stage.cast();
      const { hands, cluster } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      for (const slot of cluster.slots) hands.cutStore(slot);
      await stage.pass(SESSION_MS);
      for (const slot of slots) stage.kill(slot);
      for (const slot of slots) stage.start(slot);
      await one.acknowledged(one.send('meanwhile'));
      stage.saw(
        'the store is still away',
        slots.every(({ machine }) => !stage.world.ensemble.isReachable(machine.name)),
      );
    },
  },
  {
    name: 'rule-17-forward-after-a-seal',
    about:
      'the leader in mode fetch has sealed its log and loses its followers: the switch can not be completed, and the partition goes on in the next generation of its old mode',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      hands.isolate(leader);
      const switching = one.switchMode('raft');
      await stage.until(
        'the log is sealed',
        () => stage.replica(leader).replicator.sealedBy !== undefined,
      );
      await stage.pass(LAG_MS);
      await stage.until('the switch ends', () => switching.done);
      stage.saw('it is in its old mode', stage.record.mode === 'fetch');
      await one.acknowledged(one.send('alone'));
      hands.letGo();
      await one.sendAll('after-', 3);
    },
  },
  {
    name: 'rule-17-late-seal',
    about:
      'the call that seals arrives when the zkserver that made it is gone, another one has ended that switch, and the next generation has begun: it seals nothing',
    options: {},
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands, cluster } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const calls = cluster.zkservers.map((zkserver) => ({
        zkserver,
        call: hands.hold(zkserver, leader, { method: 'sealPartition', answer: false }),
      }));
      const switching = one.switchMode('fetch');
      const caught = () => calls.find(({ call }) => call.caught);
      await stage.until('it is on its way', () => caught() !== undefined);
      for (const { zkserver, call } of calls)
        if (!call.caught) call.release();
        else stage.kill(zkserver);
      await stage.until('the switch ends', () => switching.done);
      await stage.lead(leader);
      await one.sendAll('between-', 2);
      const { mode, generation, transition } = stage.record;
      stage.saw(
        'another generation',
        mode === 'fetch' && generation > 1 && transition === undefined,
      );
      caught()?.call.release();
      await stage.pass(1_000);
      await one.sendAll('after-', 3);
      stage.promise('nobody had to mend it', stage.record.generation === generation);
    },
  },
  {
    name: 'rule-18-straggler-keeps-its-own-commit',
    about:
      'a deposed leader of mode fetch has other records where the partition was sealed since: in mode raft it takes the seal for no commit of its own',
    options: { mode: 'fetch' },
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      hands.isolate(deposed, 'servers');
      hands.cutStore(deposed);
      await one.sendAll('alone-', 12, 'leader');
      const two = await stage.client('two');
      hands.cut(two.name, deposed);
      await stage.until('another one leads', () => stage.leads(second) || stage.leads(third));
      await two.sendAll('others-', 2);
      const switching = two.switchMode('raft');
      await stage.until('the switch ends', () => switching.done);
      await two.sendAll('raft-', 2);
      const { seal } = stage.record;
      const { log } = stage.replica(deposed);
      stage.saw(
        'it has something else at the seal',
        seal !== undefined &&
          log.logEnd > seal.offset &&
          log.epochAt(seal.offset - 1) !== seal.epoch,
      );
      hands.letGo(true);
      await two.sendAll('after-', 2);
    },
  },
  {
    name: 'rule-35-a-switch-keeps-the-rest',
    about:
      'a partition that has reported a possible loss changes its mode: what the record says of that loss stays, because readers are still told by it',
    options: { config: { flush: 'interval', 'flush.interval.ms': '60s' }, mayLose: true },
    play: async (stage) => {
      const slots = await stage.cast();
      const one = await stage.client('one');
      await one.sendAll('lost-', 3);
      for (const slot of slots) stage.losePower(slot);
      for (const slot of slots) await stage.restarted(slot);
      await stage.until('it is led again', () => slots.some((slot) => stage.leads(slot)));
      const { lossEpoch, possibleLoss } = stage.record;
      stage.saw('a loss was reported', lossEpoch > 0);
      const two = await stage.client('two');
      await two.sendAll('after-', 2);
      const switching = two.switchMode('fetch');
      await stage.until('the switch ends', () => switching.done);
      stage.saw('mode fetch', stage.record.mode === 'fetch');
      stage.promise(
        'the loss is recorded as before',
        stage.record.lossEpoch === lossEpoch && stage.record.possibleLoss === possibleLoss,
      );
    },
  },
];
