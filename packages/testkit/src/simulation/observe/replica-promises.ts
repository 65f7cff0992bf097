// What replicas promise each other, held against what they have, after every event: whoever is counted has it on disk,
// nobody forgets it in silence, whoever may be elected has all that is committed, and nobody votes twice in a term.
// Broken promises show here at once; what comes of them needs more bad luck than one run has.
import type { Partition } from '@zhumq/broker';
import type { ServerSlot } from '../simulated-cluster.js';
import { checkProducerMemory } from './producer-memory.js';
import type { StoreObserver } from './store-observer.js';

export type Report = (check: string, partition: Partition, broker: number, what: string) => void;

/** The last record of a log's part, and where that part ends. */
interface End {
  readonly end: number;
  readonly epoch: number;
}

/** What anybody knows of one partition; shared with the other invariants. */
export interface Commitment {
  readonly epochs: ReadonlyMap<number, number>;
  readonly committed: number;
  readonly losses: number;
  /** By replica: the largest end that a leader counted, while its log holds that. */
  readonly counted: Map<string, End>;
}

/** A replica as it was after the last event of its broker. */
interface Known {
  logEnd: number;
  lastEpoch: number;
  hardState: Partition['log']['hardState'];
}

export class ReplicaPromises {
  private readonly known = new WeakMap<Partition, Known>();

  constructor(
    private readonly brokers: readonly ServerSlot[],
    private readonly store: StoreObserver,
    private readonly report: Report,
  ) {}

  /** To be called after each event of the partition's broker. */
  look({ id }: ServerSlot, partition: Partition, commitment: Commitment): void {
    const { log } = partition;
    const { logEnd, lastEpoch, hardState } = log;
    const known = this.known.get(partition);
    if (known === undefined) {
      this.known.set(partition, { logEnd, lastEpoch, hardState });
      this.checkMemory(id, partition, commitment);
      this.checkElectable(id, partition, commitment);
      this.checkProducers(id, partition, commitment);
    } else {
      if (known.hardState !== hardState) this.checkVote(id, partition, known.hardState);
      known.hardState = hardState;
      if (known.logEnd !== logEnd || known.lastEpoch !== lastEpoch) {
        const wasCut = logEnd < known.logEnd || lastEpoch !== known.lastEpoch;
        known.logEnd = logEnd;
        known.lastEpoch = lastEpoch;
        if (wasCut) this.handleCut(id, partition, commitment);
      }
    }
    if (partition.leads) this.checkCounted(partition, commitment);
  }

  /**
   * To be called when a replica begins to lead, too. After a reported loss logs are cut below what was committed, where
   * some of a producer's last batches may be forgotten already: its retry is refused then, as what follows a lost one is.
   */
  checkProducers(id: number, partition: Partition, { losses }: Commitment): void {
    if (hasFailed(partition) || losses > 0) return;
    checkProducerMemory(partition, (what) =>
      this.report('producers-as-in-the-log', partition, id, what),
    );
  }

  /** To be called when a leader knows of more committed records; `ledBefore`: it led in the same epoch before that. */
  committed(slot: ServerSlot, partition: Partition, ledBefore: boolean): void {
    const { highWatermark, log, replicator } = partition;
    const epoch = log.epochAt(highWatermark - 1);
    if (ledBefore && epoch !== undefined && epoch !== replicator.epoch) {
      const what = `commits offset ${highWatermark - 1} of epoch ${epoch} by counting it in epoch ${replicator.epoch}`;
      this.report('commits-of-own-epoch', partition, slot.id, what);
    }
    this.checkHolders(slot.id, partition);
  }

  /** To be called when what is committed, or who may be elected, has changed: everybody in sync has all of it. */
  checkAllElectable(topic: string, number: number, commitment: Commitment): void {
    for (const { id, broker } of this.brokers)
      for (const partition of broker?.partitions ?? [])
        if (partition.name.topic === topic && partition.name.partition === number)
          this.checkElectable(id, partition, commitment);
  }

  /** Within a term a vote is given once and stays [Raft §5.2]. */
  private checkVote(id: number, partition: Partition, before: Known['hardState']): void {
    const { hardState: now } = partition.log;
    if (before === undefined || now === undefined || now.generation !== before.generation) return;
    if (now.term < before.term) {
      const what = `its term fell from ${before.term} to ${now.term}`;
      this.report('one-vote-per-term', partition, id, what);
    } else if (now.term === before.term && before.vote !== undefined && now.vote !== before.vote) {
      const what = `its vote in term ${now.term} was ${before.vote}, and is ${now.vote ?? 'forgotten'}`;
      this.report('one-vote-per-term', partition, id, what);
    } else if (now.vote !== undefined && (now.term > before.term || before.vote === undefined))
      this.checkCandidate(id, partition, now.term, now.vote);
  }

  /** Who gets a vote holds everything that the voter could have helped to commit [Raft §5.4.1]. */
  private checkCandidate(id: number, voter: Partition, term: number, vote: string): void {
    const { name, log } = voter;
    const copy = this.find(name.topicId, name.partition, vote)?.copy;
    if (copy === undefined || copy === voter || copy.name.generation !== name.generation) return;
    const { replicator, log: other } = copy;
    if (replicator.epoch !== term || replicator.role !== 'candidate') return;
    const isBehind =
      other.lastEpoch === log.lastEpoch
        ? other.logEnd < log.logEnd
        : other.lastEpoch < log.lastEpoch;
    if (!isBehind) return;
    const what = `votes with a log that ends at ${log.logEnd} in epoch ${log.lastEpoch} for ${vote}, whose log ends at ${other.logEnd} in epoch ${other.lastEpoch}`;
    this.report('vote-for-a-complete-log', voter, id, what);
  }

  /** After a restart a replica has what a leader counted, or says that it may not (rules 16 and 22). */
  private checkMemory(id: number, partition: Partition, { counted }: Commitment): void {
    const { log } = partition;
    const { replicaId } = log.identity;
    const end = counted.get(replicaId);
    if (end === undefined || holds(partition, end)) return;
    counted.delete(replicaId);
    if (log.hardState?.tainted === true || hasFailed(partition)) return;
    const what = `opens a log that ends at ${log.logEnd} in epoch ${log.lastEpoch}, untainted; a leader counted it through ${end.end} of epoch ${end.epoch}`;
    this.report('forgot-acknowledged', partition, id, what);
  }

  private handleCut(id: number, partition: Partition, commitment: Commitment): void {
    const { counted } = commitment;
    const { replicaId } = partition.log.identity;
    const end = counted.get(replicaId);
    if (end !== undefined && !holds(partition, end)) counted.delete(replicaId);
    this.checkElectable(id, partition, commitment);
    this.checkProducers(id, partition, commitment);
  }

  /** What a leader counts of a replica that follows it in its epoch, that replica has on disk, and it is the leader's. */
  private checkCounted(leader: Partition, { counted }: Commitment): void {
    const { log, replicator, name } = leader;
    const { epoch } = replicator;
    for (const { replicaId, durableEnd: end, tainted } of replicator.followers()) {
      if (tainted || end <= 0) continue;
      const before = counted.get(replicaId);
      if (before !== undefined && before.end >= end) continue;
      const epochThere = log.epochAt(end - 1);
      if (epochThere === undefined) continue;
      const found = this.find(name.topicId, name.partition, replicaId);
      if (found === undefined) continue;
      const { copy, id } = found;
      const follows =
        copy.name.generation === name.generation &&
        copy.replicator.epoch === epoch &&
        copy.log.hardState?.tainted !== true &&
        !hasFailed(copy);
      if (!follows) continue;
      counted.set(replicaId, { end, epoch: epochThere });
      if (copy.log.durableEnd >= end && holds(copy, { end, epoch: epochThere })) continue;
      const what = `has ${copy.log.durableEnd} on disk and ends in epoch ${copy.log.lastEpoch}; its leader of epoch ${epoch} counts it through ${end} of epoch ${epochThere}`;
      this.report('counted-is-on-disk', copy, id, what);
    }
  }

  /** Mode fetch: any member of the ISR may lead next, and so may who is eligible when no member is left (KIP-966). */
  private checkElectable(id: number, partition: Partition, commitment: Commitment): void {
    const { log, name } = partition;
    const { committed, epochs } = commitment;
    if (committed === 0 || !partition.isOpen) return;
    const record = this.store.recordOf(name.topic, name.partition);
    if (record?.mode !== 'fetch' || record.lossEpoch !== commitment.losses) return;
    const { replicaId } = log.identity;
    if (!record.isr.includes(replicaId) && !record.elr.includes(replicaId)) return;
    if (log.hardState?.tainted === true || hasFailed(partition)) return;
    const epoch = epochs.get(committed - 1) ?? log.epochAt(committed - 1) ?? 0;
    if (holds(partition, { end: committed, epoch })) return;
    const what = `may be elected (ISR ${record.isr.join(' ')}, eligible ${record.elr.join(' ') || 'nobody'}) with a log that ends at ${log.logEnd} in epoch ${log.lastEpoch}; ${committed} of epoch ${epoch} is committed`;
    this.report('electable-has-committed', partition, id, what);
  }

  /**
   * What is committed is, per the flush policy, on disk of a majority (mode raft) or of the smallest number in sync (mode
   * fetch), as they are and as the leader counts them.
   */
  private checkHolders(id: number, partition: Partition): void {
    const { highWatermark, log, replicator, name } = partition;
    const record = this.store.recordOf(name.topic, name.partition);
    if (record === undefined || record.lossEpoch > 0) return;
    const { replicas } = record;
    const isRaft = replicator.mode === 'raft';
    const wanted = isRaft
      ? Math.floor(replicas.length / 2) + 1
      : this.store.minInSyncOf(name.topic, name.partition);
    const own = log.durableEnd >= highWatermark ? 1 : 0;
    const others = replicator
      .followers()
      .filter(({ durableEnd, tainted }) => !tainted && durableEnd >= highWatermark);
    if (isRaft && own + others.length < wanted) {
      const what = `commits ${highWatermark}, which it knows to be on ${own + others.length} trusted disks`;
      return this.report('committed-is-counted', partition, id, what);
    }
    const lacking = replicas.filter(({ replicaId }) => {
      const copy = this.find(name.topicId, name.partition, replicaId)?.copy;
      // One that is down, or came back and says that it may lack something, may have had it.
      if (copy === undefined || copy.log.hardState?.tainted === true) return false;
      return copy.log.durableEnd < highWatermark;
    });
    const holders = replicas.length - lacking.length;
    if (holders >= wanted) return;
    const what = `${highWatermark} is committed and on ${holders} disks of ${wanted}`;
    this.report('committed-is-held', partition, id, what);
  }

  private find(
    topicId: string,
    number: number,
    replicaId: string,
  ): { readonly copy: Partition; readonly id: number } | undefined {
    for (const { id, broker } of this.brokers)
      for (const copy of broker?.partitions ?? [])
        if (
          copy.name.partition === number &&
          copy.name.topicId === topicId &&
          copy.log.identity.replicaId === replicaId
        )
          return copy.isOpen ? { copy, id } : undefined;
    return undefined;
  }
}

/** What retention took was there. */
function holds({ log }: Partition, { end, epoch }: End): boolean {
  if (end <= log.logStart) return true;
  return log.logEnd >= end && log.epochAt(end - 1) === epoch;
}

function hasFailed({ replicator }: Partition): boolean {
  return replicator.role === 'failed';
}
