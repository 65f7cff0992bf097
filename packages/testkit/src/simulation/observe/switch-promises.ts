// What a switch of modes promises at each of its steps, held against the replicas: a voter that was closed is silent, a
// generation is published when enough of them are closed or have the seal on disk, and it begins with the seal, behind
// which nothing of the generation before stands.
import type { Partition } from '@zhumq/broker';
import type { PartitionRecord } from '@zhumq/model';
import type { ServerSlot } from '../simulated-cluster.js';
import type { Report } from './replica-promises.js';
import type { StoreObserver } from './store-observer.js';

interface Copy {
  readonly id: number;
  readonly partition: Partition;
}

export class SwitchPromises {
  /** By replica: generation of its hard state as last seen. */
  private readonly generations = new Map<string, number>();

  constructor(
    private readonly brokers: readonly ServerSlot[],
    private readonly store: StoreObserver,
    private readonly report: Report,
  ) {}

  /** To be called after each event of the partition's broker. */
  look({ id }: ServerSlot, partition: Partition): void {
    const { log, replicator, name } = partition;
    const { hardState } = log;
    if (hardState === undefined) return;
    const { replicaId } = log.identity;
    const before = this.generations.get(replicaId);
    if (before !== hardState.generation) {
      this.generations.set(replicaId, hardState.generation);
      // It falls when a power loss takes one whose entry was not on disk yet: what was said in the one before counts again.
      if (before !== undefined && before < hardState.generation) this.checkEntry(id, partition);
    }
    this.checkGeneration(id, partition);
    const isClosed = hardState.closed && hardState.generation === name.generation;
    if (isClosed && replicator.role !== 'closed' && replicator.role !== 'failed') {
      const what = `was closed in generation ${name.generation}, and is a ${replicator.role}`;
      this.report('closed-is-silent', partition, id, what);
    }
  }

  /** To be called when a replica begins to lead: it has the seal with which its generation begins, and it is one. */
  checkLeader(id: number, partition: Partition): void {
    const { log, name } = partition;
    const seal = log.generation?.seal;
    if (seal === undefined || this.hasLosses(partition)) return;
    const end = log.endOfEpoch(seal.epoch);
    if (end?.epoch === seal.epoch && end.endOffset === seal.offset) return;
    const what = `generation ${name.generation} begins with a seal that ends at ${seal.offset} in epoch ${seal.epoch}; its leader's log has epoch ${end?.epoch ?? 'none'} through ${end?.endOffset ?? 0}`;
    this.report('sealed-is-sealed', partition, id, what);
  }

  /** To be called when the record of a partition has changed. */
  recordChanged(
    topic: string,
    partition: number,
    before: PartitionRecord | undefined,
    record: PartitionRecord,
  ): void {
    if (before === undefined || record.generation === before.generation) return;
    if (record.lossEpoch > 0 || record.mode === before.mode || record.seal === undefined) return;
    const copies = this.copiesOf(topic, partition);
    if (record.mode === 'raft') this.checkSynced(copies, before, record.seal.offset);
    else this.checkClosed(copies, before, record.epoch);
  }

  /** A replica is in one generation, of which it has the record and the hard state, and in the epochs of no later one. */
  private checkGeneration(id: number, partition: Partition): void {
    const { log, name } = partition;
    const { hardState, generation: entered } = log;
    if (hardState === undefined || entered === undefined) return;
    if (entered.generation !== hardState.generation) {
      const what = `is in generation ${entered.generation} with a hard state of generation ${hardState.generation}`;
      return this.report('one-generation', partition, id, what);
    }
    const record = this.store.recordOf(name.topic, name.partition);
    if (record === undefined || name.generation >= record.generation || record.lossEpoch > 0)
      return;
    if (hardState.term <= record.epoch && log.lastEpoch < record.epoch) return;
    const what = `is in generation ${name.generation}, term ${hardState.term}, with records of epoch ${log.lastEpoch}; generation ${record.generation} begins with epoch ${record.epoch}`;
    this.report('one-generation', partition, id, what);
  }

  /** Neither a vote nor a close of an earlier generation counts in a later one. */
  private checkEntry(id: number, partition: Partition): void {
    const { hardState } = partition.log;
    if (hardState?.vote === undefined && hardState?.closed !== true) return;
    const what = `enters generation ${hardState.generation} ${hardState.closed ? 'closed' : `with a vote for ${hardState.vote}`}`;
    this.report('generation-begins-anew', partition, id, what);
  }

  /** Mode raft is published when everybody in sync, and a majority, has the seal on disk. */
  private checkSynced(copies: readonly Copy[], before: PartitionRecord, end: number): void {
    const lacking = copies.filter(
      ({ partition: { log } }) => log.hardState?.tainted !== true && log.syncedEnd < end,
    );
    const { isr, replicas } = before;
    const member = lacking.find(({ partition: { log } }) => isr.includes(log.identity.replicaId));
    const isMinority = lacking.length * 2 >= replicas.length;
    const one = member ?? (isMinority ? lacking[0] : undefined);
    if (one === undefined) return;
    const { syncedEnd } = one.partition.log;
    const what = `${lacking.length} of ${replicas.length} replicas have not synced the seal that ends at ${end}; this one has ${syncedEnd}${member === undefined ? '' : ' and is in sync'}`;
    this.report('seal-is-on-disk', one.partition, one.id, what);
  }

  /** Mode fetch is published when a majority is closed, in an epoch above all of theirs. */
  private checkClosed(copies: readonly Copy[], before: PartitionRecord, epoch: number): void {
    const open = copies.filter(({ partition: { log } }) => {
      const { hardState } = log;
      return hardState?.generation === before.generation && !hardState.closed;
    });
    if (open.length * 2 >= before.voters.length && open.length > 0) {
      const [{ id, partition }] = open;
      const what = `mode fetch is published while ${open.length} of ${before.voters.length} voters are not closed`;
      this.report('majority-is-closed', partition, id, what);
    }
    for (const { id, partition } of copies) {
      const { hardState } = partition.log;
      if (hardState?.generation !== before.generation || !hardState.closed) continue;
      if (hardState.term < epoch) continue;
      const what = `was closed in term ${hardState.term}; mode fetch begins with epoch ${epoch}`;
      this.report('epoch-above-all-terms', partition, id, what);
    }
  }

  private hasLosses({ name }: Partition): boolean {
    return (this.store.recordOf(name.topic, name.partition)?.lossEpoch ?? 0) > 0;
  }

  private copiesOf(topic: string, number: number): Copy[] {
    return this.brokers.flatMap(({ id, broker }) =>
      [...(broker?.partitions ?? [])]
        .filter(({ name, isOpen }) => isOpen && name.topic === topic && name.partition === number)
        .map((partition) => ({ id, partition })),
    );
  }
}
