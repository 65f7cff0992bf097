// Rules 5, 6 and 30: a voter that forgot whom it voted for would give two candidates one term.
import type { ServerSlot } from '../simulated-cluster.js';
import type { ScriptedScenario } from './scripted-scenario.js';
import { ELECTION_MS } from './stage.js';
import type { Stage } from './stage.js';

/** Who asked whom: `candidate` has the vote of `voter` on its way, `deposed` knows nothing of that term. */
interface Granted {
  readonly candidate: ServerSlot;
  readonly voter: ServerSlot;
  readonly deposed: ServerSlot;
  /** The candidate goes on: the vote arrives. */
  readonly arrive: () => void;
  /** The deposed leader is heard by the voter again. */
  readonly heal: () => void;
  readonly term: number;
}

/** The leader is cut off; one of the others grants its vote to the third, which stands still before it hears of it. */
async function grantVote(stage: Stage): Promise<Granted> {
  const [deposed, second, third] = await stage.cast();
  const { hands } = stage;
  const before = stage.replica(deposed).replicator.epoch;
  const reply = hands.hold(undefined, undefined, { raft: 'voteReply' });
  hands.isolate(deposed);
  const hasVoted = (slot: ServerSlot, forOther: ServerSlot): boolean =>
    stage.replica(slot).log.hardState?.vote === stage.idOf(forOther);
  await stage.until(
    'a vote is on its way',
    () => reply.caught && (hasVoted(second, third) || hasVoted(third, second)),
  );
  const voter = hasVoted(second, third) ? second : third;
  const candidate = voter === second ? third : second;
  const { hardState } = stage.replica(voter).log;
  stage.saw(
    'a vote in a term that the deposed leader does not know',
    hardState?.vote === stage.idOf(candidate) && hardState.term > before,
  );
  const goOn = stage.pause(candidate);
  reply.release();
  await stage.pass(ELECTION_MS);
  const heal = (): void => {
    hands.letGo();
    hands.cut(deposed, candidate);
  };
  return { ...{ candidate, voter, deposed, heal }, arrive: goOn, term: hardState?.term ?? 0 };
}

/** The deposed leader asks the same voter; then the first candidate hears that it was elected. */
async function askAgain(
  stage: Stage,
  { voter, deposed, arrive, heal }: Granted,
  mayBeElected: boolean,
): Promise<void> {
  await stage.restarted(voter);
  heal();
  if (mayBeElected)
    await stage.until('they elect', () => stage.leads(deposed) || stage.leads(voter));
  else await stage.pass(3 * ELECTION_MS);
  arrive();
  await stage.pass(3 * ELECTION_MS);
  stage.hands.letGo();
  await (await stage.client('one')).sendAll('after-', 2);
}

const OTHER = 'load';

export const VOTE_SCENARIOS: readonly ScriptedScenario[] = [
  {
    name: 'rule-05-vote-outlives-recycling',
    about:
      'a vote stands in a file of the write-ahead log that is recycled since; the voter restarts and is asked again in the same term',
    options: {
      others: [{ topic: OTHER, partitions: 6, replicas: 1, mode: 'raft', config: {} }],
    },
    play: async (stage) => {
      const granted = await grantVote(stage);
      const { voter } = granted;
      const files = (): string[] =>
        (voter.machine.disk?.files() ?? []).filter((path) => path.includes('/wal'));
      const before = files();
      const load = await stage.client('load');
      const led = (): number | undefined =>
        [...(voter.broker?.partitions ?? [])].find(
          ({ name, servedEpoch }) => name.topic === OTHER && servedEpoch !== undefined,
        )?.name.partition;
      await stage.until('the voter leads a partition of its own', () => led() !== undefined);
      for (let n = 0; n < 30; n++) {
        const big = load.send(`big-${n}`, 'all', {
          topic: OTHER,
          partition: led(),
          padding: 100_000,
        });
        await load.acknowledged(big);
      }
      stage.saw('the files of then are gone', !files().includes(before[0]));
      stage.losePower(voter);
      await askAgain(stage, granted, true);
    },
  },
  {
    name: 'rule-06-wiped-disk-has-no-vote',
    about:
      'a voter comes back with an empty disk: it has forgotten its vote, and must not vote again under its old name',
    options: {},
    play: async (stage) => {
      const granted = await grantVote(stage);
      stage.kill(granted.voter);
      stage.replaceDisk(granted.voter);
      await askAgain(stage, granted, false);
    },
  },
  {
    name: 'rule-06-wiped-disk-counts-for-nothing',
    about:
      'what was acknowledged is on two disks; one of them is replaced by an empty one, the other one is away: the rest must not elect',
    options: {},
    play: async (stage) => {
      const [leader, wiped, behind] = await stage.cast();
      const { hands } = stage;
      const one = await stage.client('one');
      hands.isolate(behind);
      await one.sendAll('both-', 3);
      stage.saw('the third one lacks it', stage.end(behind) < stage.end(leader));
      stage.kill(wiped);
      stage.replaceDisk(wiped);
      await stage.restarted(wiped);
      stage.kill(leader);
      // What its kernel still holds is lost: nobody gets records from the dead.
      hands.letGo(true);
      await stage.pass(5 * ELECTION_MS);
      const meanwhile = one.send('meanwhile');
      await stage.pass(5 * ELECTION_MS);
      stage.saw('nobody can take records', meanwhile.outcome === 'pending');
      await stage.restarted(leader);
      await one.acknowledged(meanwhile);
    },
  },
  {
    name: 'rule-30-vote-after-its-sync',
    about:
      'a voter loses power before its vote is on disk, and is asked again in the same term: nobody may have heard of the first vote',
    options: {},
    play: async (stage) => {
      const [deposed, second, third] = await stage.cast();
      const { hands } = stage;
      const term = stage.replica(deposed).replicator.epoch + 1;
      const request = hands.hold(undefined, undefined, { raft: 'vote' });
      hands.isolate(deposed);
      await stage.until('a vote is asked for', () => request.caught);
      const hardStateOf = (slot: ServerSlot) => stage.replica(slot).log.hardState;
      const stands = (slot: ServerSlot): boolean => hardStateOf(slot)?.vote === stage.idOf(slot);
      const [candidate, voter] = stands(second) ? [second, third] : [third, second];
      const arrive = stage.pause(candidate);
      const syncs = hands.holdSyncs(voter);
      request.release();
      await stage.until('a vote waits for its sync', () => {
        const { vote, term: asked } = hardStateOf(voter) ?? {};
        return vote === stage.idOf(candidate) && asked === term && syncs.waiting > 0;
      });
      // Long enough for a vote that does not wait to arrive.
      await stage.pass(50);
      stage.losePower(voter);
      const heal = (): void => {
        hands.letGo();
        hands.cut(deposed, candidate);
      };
      await askAgain(stage, { candidate, voter, deposed, arrive, heal, term }, true);
    },
  },
];
