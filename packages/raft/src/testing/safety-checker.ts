// The properties of Raft [Raft figure 3] and of this core's contract, checked as the cluster moves. Log matching is also
// checked by SimLog: a batch may only follow the batch that it was first written after.
import { assert } from '@zhumq/base';
import { majority } from '../quorum.js';
import type { Effect, Message, Offset } from '../types.js';
import type { SimBatch, SimLog } from './sim-log.js';
import type { SimReplica } from './sim-replica.js';

export class SafetyChecker {
  private readonly leaders = new Map<number, string>();
  private readonly votes = new Map<string, string>();
  private readonly identities = new Map<string, number>();
  private readonly chain: SimBatch[] = [];
  private readonly commits = new Map<string, Offset>();
  private readonly reads = new Map<number, Offset>();
  private readonly terms = new Map<string, number>();

  /** With `lossy` disks acknowledged writes may be lost, so what is counted there proves nothing. */
  constructor(
    private readonly replicas: () => SimReplica[],
    private readonly lossy = false,
  ) {}

  /** Last offset that anybody has called committed. */
  get committed(): Offset {
    return this.chain.at(-1)?.lastOffset ?? -1;
  }

  readStarted(id: number): void {
    this.reads.set(id, this.committed);
  }

  restarted(replica: SimReplica): void {
    this.commits.set(replica.id, replica.core.commit);
    const before = this.terms.get(replica.id) ?? 0;
    assert(replica.core.term <= before, 'a term out of nowhere');
    this.terms.set(replica.id, replica.core.term);
  }

  observe(replica: SimReplica, effect: Effect): void {
    switch (effect.kind) {
      case 'roleChanged':
        this.termNeverFalls(replica, effect.term);
        if (effect.role === 'leader') this.electionSafety(replica, effect.term);
        break;
      case 'truncate':
        // Not the core's own commit: that may have moved on in the same input.
        assert(effect.from > (this.commits.get(replica.id) ?? -1), 'a cut of committed records');
        break;
      case 'append':
        this.cutOnlyForConflict(replica, effect.payload as SimBatch[], effect.skip);
        break;
      case 'commit':
        this.stateMachineSafety(replica, effect.commit);
        break;
      case 'readConfirmed': {
        const started = this.reads.get(effect.id) ?? -1;
        assert(effect.offset >= started, `stale read: ${effect.offset} after ${started}`);
        break;
      }
      case 'fatal':
        throw new Error(`${replica.id} is fatal: ${effect.reason}`);
      default:
        break;
    }
  }

  /** A promise that leaves must rest on the disk. */
  sending(sender: SimReplica, message: Message): void {
    const { disk } = sender;
    if (message.type === 'voteReply' && message.granted)
      this.vote(message.from, message.to, message.term);
    if (message.type === 'vote') this.vote(message.from, message.from, message.term);
    if (message.type === 'vote' || (message.type === 'voteReply' && message.granted)) {
      assert(disk.hardState.term >= message.term, 'a vote that is not on disk');
    }
    if (message.type === 'appendReply' && !message.rejected) {
      const { matched } = message;
      const written = sender.log.batchAt(matched)?.id;
      const dropped = matched < sender.log.startOffset;
      const onDisk = disk.log.lastOffset >= matched && holds(disk.log, matched, written);
      assert(dropped || onDisk, 'an acknowledgement that is not on disk');
    }
  }

  private vote(voter: string, candidate: string, term: number): void {
    const key = `${voter} ${term}`;
    const before = this.votes.get(key) ?? candidate;
    assert(before === candidate, `${voter} voted twice in term ${term}`);
    this.votes.set(key, candidate);
  }

  private termNeverFalls({ id }: SimReplica, term: number): void {
    assert(term >= (this.terms.get(id) ?? 0), `${id}: term falls to ${term}`);
    this.terms.set(id, term);
  }

  private electionSafety(replica: SimReplica, term: number): void {
    const other = this.leaders.get(term) ?? replica.id;
    assert(other === replica.id, `two leaders in term ${term}: ${other}, ${replica.id}`);
    this.leaders.set(term, replica.id);
    this.leaderCompleteness(replica.log);
  }

  private leaderCompleteness(log: SimLog): void {
    const last = this.chain.at(-1);
    if (last === undefined || last.lastOffset < log.startOffset) return;
    assert(log.batchAt(last.lastOffset)?.id === last.id, 'a leader lacks what is committed');
  }

  private cutOnlyForConflict(replica: SimReplica, batches: SimBatch[], skip: number): void {
    for (const batch of batches) {
      const key = `${batch.epoch} ${batch.lastOffset}`;
      const known = this.identities.get(key) ?? batch.id;
      assert(known === batch.id, `epoch and offset ${key} written twice`);
      this.identities.set(key, batch.id);
    }
    const first = batches[skip];
    assert(first !== undefined, 'an append of nothing');
    assert(replica.log.lastOffset === first.baseOffset - 1, 'an append that does not join up');
  }

  private stateMachineSafety(replica: SimReplica, commit: Offset): void {
    const before = this.commits.get(replica.id) ?? -1;
    assert(commit > before, 'commit falls');
    assert(commit <= replica.log.lastOffset, 'commit beyond the log');
    this.commits.set(replica.id, commit);
    const start = this.committed + 1;
    if (commit < start) {
      const batch = replica.log.batchAt(commit);
      const known = this.chainAt(commit);
      const same = batch === undefined || known?.id === batch.id;
      assert(same, `offset ${commit} committed with two values`);
      return;
    }
    this.extendChain(replica, commit);
  }

  private extendChain(replica: SimReplica, commit: Offset): void {
    const { log } = replica;
    let offset = this.committed + 1;
    while (offset <= commit) {
      const batch = log.batchAt(offset);
      assert(batch?.baseOffset === offset, 'a commit inside a batch');
      assert(batch.previousId === (this.chain.at(-1)?.id ?? batch.previousId), 'commits diverge');
      this.chain.push(batch);
      offset = batch.lastOffset + 1;
    }
    this.majorityHasIt(replica, commit);
  }

  private majorityHasIt({ log, config }: SimReplica, commit: Offset): void {
    if (this.lossy) return;
    const id = log.batchAt(commit)?.id;
    const holders = this.replicas().filter(
      (other) => config.voters.includes(other.id) && holds(other.disk.log, commit, id),
    );
    assert(
      holders.length >= majority(config.voters.length),
      'committed without a durable majority',
    );
  }

  private chainAt(offset: Offset): SimBatch | undefined {
    return this.chain.findLast((batch) => batch.baseOffset <= offset);
  }
}

function holds(log: SimLog, offset: Offset, id: number | undefined): boolean {
  return offset < log.startOffset || log.batchAt(offset)?.id === id;
}
