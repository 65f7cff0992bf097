// Follows what the metadata store says of the partitions, write by write, and records it: who leads, which switches
// begin and end, which losses are reported.
import { minInsyncReplicasOf, parseTopicConfig, partitionRecordCodec } from '@zhumq/model';
import type { PartitionRecord } from '@zhumq/model';
import { paths } from '@zhumq/metadata';
import type { Recorder } from '../../history/history.js';
import type { TopicPlan } from '../simulation-options.js';
import type { Ensemble } from '../world/ensemble.js';

interface Watched {
  readonly topic: string;
  readonly partition: number;
  readonly path: string;
  readonly minInSync: number;
  version: number;
  record: PartitionRecord | undefined;
}

/** No session: the observer leaves no watches. */
const NOBODY = '';

export class StoreObserver {
  switches = 0;
  elections = 0;
  losses = 0;
  /** Told after the record of a partition has changed. */
  onRecord:
    | ((
        topic: string,
        partition: number,
        before: PartitionRecord | undefined,
        record: PartitionRecord,
      ) => void)
    | undefined;
  private readonly watched: readonly Watched[];

  constructor(
    private readonly ensemble: Ensemble,
    topics: readonly TopicPlan[],
    private readonly history: Recorder,
  ) {
    this.watched = topics.flatMap(({ topic, partitions, replicas, config }) =>
      Array.from({ length: partitions }, (_, partition) => ({
        ...{ topic, partition, path: paths.partition(topic, partition) },
        minInSync: minInsyncReplicasOf(parseTopicConfig(config), replicas),
        ...{ version: -1, record: undefined },
      })),
    );
  }

  /** To be called after every write. */
  look(): void {
    const { store } = this.ensemble;
    for (const one of this.watched) {
      const stat = store.getStat(NOBODY, one.path, false);
      if (stat === undefined || stat.version === one.version) continue;
      one.version = stat.version;
      const bytes = store.getNode(NOBODY, one.path, false)?.data;
      if (bytes === undefined) continue;
      const record = partitionRecordCodec.decode(bytes);
      const before = one.record;
      one.record = record;
      this.compare(one, before, record);
      this.onRecord?.(one.topic, one.partition, before, record);
    }
  }

  /** The record of a partition as it stands; undefined before there is one. */
  recordOf(topic: string, partition: number): PartitionRecord | undefined {
    return this.find(topic, partition)?.record;
  }

  /** Replicas in sync without which nothing is committed in mode fetch, as the topic was made. */
  minInSyncOf(topic: string, partition: number): number {
    return this.find(topic, partition)?.minInSync ?? 1;
  }

  private find(topic: string, partition: number): Watched | undefined {
    return this.watched.find((one) => one.topic === topic && one.partition === partition);
  }

  private compare(
    { topic, partition }: Watched,
    before: PartitionRecord | undefined,
    record: PartitionRecord,
  ): void {
    const place = { topic, partition };
    const { mode, generation, epoch, leader, lossEpoch, possibleLoss, seal } = record;
    if (record.lossEpoch !== (before?.lossEpoch ?? 0)) {
      this.losses++;
      const reason = possibleLoss ?? '';
      this.history.record({ kind: 'loss', ...place, epoch: lossEpoch, reason });
    }
    if (mode === 'fetch' && leader !== undefined && epoch !== before?.epoch) {
      this.elections++;
      const { broker, incarnation } = leader;
      this.history.record({
        ...{ kind: 'leader', ...place, broker, incarnation, epoch, generation, mode },
      });
    }
    const { transition } = record;
    if (transition !== undefined && before?.transition?.id !== transition.id) {
      const phase = 'begun';
      const old = before?.generation ?? generation;
      this.history.record({ kind: 'switch', ...place, phase, to: transition.to, generation: old });
    }
    const ended = before?.transition;
    if (ended === undefined || transition?.id === ended.id) return;
    const isDone = record.lastSwitch?.id === ended.id && record.lastSwitch.done;
    if (isDone) this.switches++;
    this.history.record({
      ...{ kind: 'switch', ...place, phase: isDone ? 'done' : 'aborted', to: ended.to },
      ...{ generation, epoch },
      ...(isDone && seal ? { sealEpoch: seal.epoch, sealOffset: seal.offset } : {}),
    });
  }
}
