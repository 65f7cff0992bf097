// What a log says to be synced, held against the syncs of its disk: one that began after the records were written must
// have ended since. A power loss at the right moment would show the same; here every moment is the right one.
import type { Partition } from '@zhumq/broker';
import type { ServerSlot } from '../simulated-cluster.js';
import type { WatchedDisk } from '../world/watched-disk.js';
import type { Report } from './replica-promises.js';

/** Everything below `end`, which the record before it in that epoch names, was there at that moment. */
interface Written {
  readonly end: number;
  readonly epoch: number;
  readonly moment: number;
}

interface Watched {
  /** Ends rise, and so do moments; what is synced is gone from here. */
  readonly written: Written[];
  logEnd: number;
  lastEpoch: number;
  syncedEnd: number;
  highWatermark: number;
  /** It has been under a policy that calls records durable before they are synced. */
  syncsLate: boolean;
}

export class SyncWatch {
  private readonly watched = new WeakMap<Partition, Watched>();

  constructor(
    private readonly moment: () => number,
    private readonly report: Report,
  ) {}

  /** To be called after each event of the partition's broker. */
  look({ id, machine: { disk } }: ServerSlot, partition: Partition): void {
    const { logEnd, lastEpoch, syncedEnd, highWatermark, config } = partition.log;
    const syncsLate = config.flush !== 'fsync';
    let watched = this.watched.get(partition);
    if (watched === undefined) {
      // What a recovery found it has synced, or knows to be.
      watched = { written: [], logEnd, lastEpoch, syncedEnd, highWatermark, syncsLate };
      this.watched.set(partition, watched);
      return;
    }
    watched.syncsLate ||= syncsLate;
    if (highWatermark > watched.highWatermark && !watched.syncsLate)
      this.checkCommitted(id, partition);
    watched.highWatermark = highWatermark;
    if (logEnd !== watched.logEnd || lastEpoch !== watched.lastEpoch)
      this.noteWritten(partition, watched);
    const before = watched.syncedEnd;
    watched.syncedEnd = syncedEnd;
    if (syncedEnd > before && disk !== undefined) this.checkSynced(id, partition, watched, disk);
  }

  /**
   * Mode raft: what a log learns to be committed it has on disk, or it could not start again. Where the policy has become
   * `fsync`, what was called durable before need not be synced yet.
   */
  private checkCommitted(id: number, partition: Partition): void {
    const { log, replicator } = partition;
    if (log.highWatermark <= log.durableEnd || replicator.mode !== 'raft') return;
    const what = `remembers that ${log.highWatermark} is committed, and has ${log.durableEnd} on disk`;
    this.report('remembers-what-it-has', partition, id, what);
  }

  private noteWritten({ log }: Partition, watched: Watched): void {
    const { logEnd, lastEpoch } = log;
    const { written } = watched;
    while (written.length > 0 && !holds(log, written[written.length - 1])) written.pop();
    if (logEnd > (written.at(-1)?.end ?? 0))
      written.push({ end: logEnd, epoch: lastEpoch, moment: this.moment() });
    watched.logEnd = logEnd;
    watched.lastEpoch = lastEpoch;
  }

  private checkSynced(
    id: number,
    partition: Partition,
    { written }: Watched,
    { syncedSince }: WatchedDisk,
  ): void {
    const { syncedEnd } = partition.log;
    const count = written.findIndex(({ end }) => end > syncedEnd);
    const last = written.splice(0, count === -1 ? written.length : count).at(-1);
    if (last === undefined || last.moment <= syncedSince) return;
    const what = `says that ${syncedEnd} is synced; no sync that began since ${last.end} was written has ended`;
    this.report('synced-is-synced', partition, id, what);
  }
}

function holds(log: Partition['log'], { end, epoch }: Written): boolean {
  return log.logEnd >= end && log.epochAt(end - 1) === epoch;
}
