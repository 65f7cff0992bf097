// Pitfalls of what a broker promises to producers, and of the producer in the client.
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';

export const SERVING_PITFALL_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'pitfall-other-record-at-that-offset',
    about:
      'a deposed leader has a record that nobody else has, and its producer waits; then it follows the next leader and commits another record at that offset: the producer is told nothing of that',
    options: {},
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands, cluster } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const heal = hands.isolate(deposed);
      // Its producer hears of no other leader: it would wait for the first no longer.
      for (const slot of [second, third]) hands.cut(one.name, slot);
      for (const zkserver of cluster.zkservers) hands.cut(zkserver, deposed);
      const offset = stage.end(deposed);
      const tail = one.send('tail');
      await stage.until('the deposed one has it', () => stage.end(deposed) > offset);
      const leads = (slot: ServerSlot): boolean => stage.leads(slot);
      await stage.until('another one leads', () => leads(second) || leads(third));
      stage.saw('it waits', tail.outcome === 'pending');
      const two = await stage.client('two');
      hands.cut(two.name, deposed);
      await two.sendAll('new-', 2);
      heal(true);
      await stage.until(
        'it has committed others there',
        () => stage.replica(deposed).highWatermark > offset + 1,
      );
      await stage.pass(100);
    },
  },
  {
    name: 'pitfall-retry-behind-a-gap',
    about:
      'five batches are under way and stored, and their answers on the way, when the time of the first is over and the connection breaks: the next one is of another producer epoch, and must not go before the other four are known to be stored',
    options: {},
    play: async (stage) => {
      const [leader] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one', { linger: '1ms', deliveryTimeout: '2s' });
      await one.sendAll('before-', 2);
      const answers = hands.hold(leader, one.name, { method: 'produce', answer: true });
      const end = stage.end(leader);
      const first = one.send('first');
      await stage.until('an answer is on its way', () => answers.caught);
      await stage.pass(1_000);
      for (let count = 2; count <= 5; count++) {
        one.send(`under-way-${count}`);
        await stage.until('it is stored', () => stage.end(leader) === end + count);
      }
      await stage.until('the time of the first is over', () => first.outcome !== 'pending');
      stage.saw('it is in doubt', first.outcome === 'unknown');
      // A batch takes records for an eighth of that time: then it is closed, and the next one begins.
      const next = one.send('next');
      await stage.pass(300);
      const last = one.send('last');
      await stage.pass(50);
      stage.saw('the next ones wait', stage.end(leader) === end + 5);
      answers.lose();
      await one.acknowledged(next, last);
    },
  },
];
