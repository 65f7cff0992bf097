// Rules 1 and 2: what a switch from raft to fetch must know before it names an epoch, and what it does not hear of after.
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS } from './stage.js';

export const CLOSE_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-01-epoch-above-all-terms',
    about:
      'leaders of later terms never get to report to a zkserver, and one of them left a suffix behind that nobody else has; then the partition is switched to fetch',
    options: {},
    play: async (stage) => {
      const [first, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 3);
      const recorded = stage.record.epoch;
      // Raft goes on by itself; what the store knows stays behind.
      const reports = hands.hold(undefined, undefined, { method: 'reportLeaders', answer: false });
      await stage.lead(second);
      const heal = hands.isolate(second);
      const alone = [1, 2, 3].map((n) => one.send(`alone-${n}`, 'leader'));
      await one.acknowledged(...alone);
      await stage.until('another one leads', () => stage.leads(first) || stage.leads(third));
      const other = await stage.client('other');
      await other.sendAll('after-', 2);
      const leader = stage.leads(first) ? first : third;
      const { epoch } = stage.replica(leader).replicator;
      stage.saw(
        'two terms above the recorded epoch',
        epoch >= recorded + 2 && stage.record.epoch === recorded,
      );
      const { log } = stage.replica(second);
      stage.saw('a suffix of a deposed leader', log.epochAt(log.logEnd - 1) === recorded + 1);
      const switching = other.switchMode('fetch');
      await stage.until('the switch ends', () => switching.done);
      stage.saw('mode fetch', stage.record.mode === 'fetch');
      heal();
      reports.release();
      await other.sendAll('fetch-', 3);
      stage.promise('the epoch is above all terms', stage.record.epoch > epoch);
      await stage.pass(ELECTION_MS);
    },
  },
  {
    name: 'rule-01-closed-voters-are-silent',
    about:
      'the answers of closed followers are on their way while the leader is cut off: they elect nobody meanwhile, because what is published rests on what they answered',
    options: {},
    play: async (stage) => {
      const [leader, second, third] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 3);
      const answers = [second, third].map((slot) =>
        hands.hold(slot, undefined, { method: 'closePartition', answer: true }),
      );
      const switching = one.switchMode('fetch');
      await stage.until('both have answered', () => answers.every(({ caught }) => caught));
      const heal = hands.isolate(leader);
      const other = await stage.client('other');
      hands.cut(other.name, leader);
      const meanwhile = other.send('meanwhile');
      await stage.pass(3 * ELECTION_MS);
      stage.saw('nothing is published yet', stage.record.mode === 'raft');
      for (const answer of answers) answer.release();
      await stage.until('the switch ends', () => switching.done);
      stage.saw('mode fetch', stage.record.mode === 'fetch');
      heal();
      await one.sendAll('after-', 3);
      hands.letGo();
      await other.acknowledged(meanwhile);
    },
  },
  {
    name: 'rule-02-late-leader-report',
    about:
      'the report of a leader of mode raft stays on the wire until the partition is in mode fetch with another leader: it changes nothing',
    options: {},
    play: async (stage) => {
      const [first, second] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      await one.sendAll('before-', 2);
      const report = hands.hold(second, undefined, { method: 'reportLeaders', answer: false });
      await stage.lead(second);
      await stage.until('the report is on its way', () => report.caught);
      await stage.lead(first);
      await one.sendAll('between-', 2);
      const switching = one.switchMode('fetch');
      await stage.until('the switch ends', () => switching.done);
      await one.sendAll('fetch-', 3);
      const { leader, epoch, mode } = stage.record;
      stage.saw('mode fetch, led by another one', mode === 'fetch' && leader?.broker === first.id);
      report.release();
      await stage.pass(1_000);
      await one.sendAll('late-', 3);
      stage.promise(
        'the record stays as it is',
        stage.record.epoch === epoch && stage.record.leader?.broker === first.id,
      );
    },
  },
];
