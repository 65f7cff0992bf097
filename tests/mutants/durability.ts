// Bugs of the log: what is told to be on disk and is not, and what a recovery makes of what it finds.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const durabilityMutants: readonly Mutant[] = [
  {
    id: 'wal-never-syncs',
    says: 'The write-ahead log is written and never synced.',
    source: 'Raft figure 2; Raft thesis §10.2.1; Jepsen: NATS 2.12.1 (issue 7564)',
    file: 'packages/log/src/store/wal-writer.ts',
    find: `      if (files.length === 1) await files[0].handle.sync();
      else await Promise.all(files.map((file) => file.handle.sync()));`,
    replace: `      await Promise.resolve(files);`,
    run: huntIn('power'),
  },
  {
    id: 'wal-counts-written',
    says: 'Records count as durable when they are written to the write-ahead log.',
    source: 'Raft figure 2; Raft thesis §10.2.1; Jepsen: NATS 2.12.1 (issue 7564)',
    file: 'packages/log/src/store/group-commit.ts',
    find: `  return record.kind !== 'append' || record.payload !== undefined || record.synced === true;`,
    replace: `  return record.kind !== 'append' || record.synced === true;`,
    run: huntIn('power'),
  },
  {
    id: 'wal-sync-covers-later-writes',
    says: 'A sync confirms also what was written while it ran.',
    source: 'Raft figure 2; Raft thesis §10.2.1; Jepsen: NATS 2.12.1 (issue 7564)',
    file: 'packages/log/src/store/group-commit.ts',
    find: `      channel.synced = Math.max(channel.synced, covered[index]);`,
    replace: `      channel.synced = Math.max(channel.written, covered[index]);`,
    run: huntIn('power'),
  },
  {
    id: 'wal-durable-end-survives-cut',
    says: 'A write that was cut while it was under way confirms the offsets that it once had.',
    source: 'etcd raft, async_storage_writes_append_aba_race.txt',
    file: 'packages/log/src/partition/durability.ts',
    find: `      write.endOffset = Math.min(write.endOffset, from);`,
    replace: `      write.endOffset = Math.max(write.endOffset, from);`,
    run: once('pitfall-sync-of-what-was-cut'),
  },
  {
    // Batches have a checksum of their own, so the torn one is never read: it is taken for damage of what was on disk.
    id: 'wal-takes-torn-frames',
    says: 'A frame is replayed although its body does not match its checksum.',
    source: 'Alagappan et al., Protocol-Aware Recovery (FAST 2018) §3',
    file: 'packages/log/src/store/wal-scan.ts',
    find: `    if (body !== undefined && crc32c(body) === header.bodyCrc) {`,
    replace: `    if (body !== undefined && crc32c(body) >= 0) {`,
    run: once('pitfall-torn-frame-with-a-whole-head'),
  },
  {
    id: 'wal-tail-is-damage',
    says: 'A torn tail is taken for damage of what was on disk.',
    source: 'Alagappan et al., Protocol-Aware Recovery (FAST 2018) §3',
    file: 'packages/log/src/store/wal-history.ts',
    find: `    if (comparePositions(position, durable) < 0) whenDurable();`,
    replace: `    if (comparePositions(position, durable) >= 0) whenDurable();`,
    run: huntIn('power'),
  },
  {
    // To ask less of a position (`isBetween`) takes nothing out: replay comes by the tear itself, and ends there.
    id: 'wal-replays-behind-tear',
    says: 'Frames behind a torn one are replayed.',
    source: 'Alagappan et al., Protocol-Aware Recovery (FAST 2018) §3',
    file: 'packages/log/src/store/store-recovery.ts',
    find: `          if (!isBetween(position, start, this.history.end)) return;`,
    replace: `          if (!isBetween(position, start, undefined)) return;`,
    run: once('pitfall-whole-write-behind-a-torn-one'),
  },
  {
    id: 'wal-believes-old-lives',
    says: 'Frames of an earlier life of a recycled file are taken for those of this one.',
    source: 'rule 9',
    file: 'packages/log/src/store/wal-frame.ts',
    find: `  writeI64(bytes, 16, file);`,
    replace: `  writeI64(bytes, 16, file < 0 ? file : 0);`,
    run: huntIn('recycling'),
  },
  {
    id: 'wal-retries-failed-sync',
    says: 'A sync of the write-ahead log that failed is tried again, and then counts.',
    source: 'Rebello et al., Can Applications Recover from fsync Failures? (ATC 2020); rule 7',
    file: 'packages/log/src/store/wal-writer.ts',
    find: `      if (files.length === 1) await files[0].handle.sync();
      else await Promise.all(files.map((file) => file.handle.sync()));`,
    replace: `      const sync = () => Promise.all(files.map((file) => file.handle.sync()));
      await sync().catch(sync);`,
    run: once('rule-07-failed-sync-of-the-shared-log'),
  },
  {
    id: 'wal-name-not-synced',
    says: 'A new file of the write-ahead log is used before its name is on disk.',
    source: 'Pillai et al., All File Systems Are Not Created Equal (OSDI 2014)',
    file: 'packages/log/src/store/wal-files.ts',
    find: `      await handle.preallocate(fileBytes);
      await fileSystem.syncDirectory(directory);
      return { number, handle };`,
    replace: `      await handle.preallocate(fileBytes);
      fileSystem.statSync(directory);
      return { number, handle };`,
    run: huntIn('recycling'),
  },
  {
    id: 'partition-name-not-synced',
    says: 'The folder of a new partition is relied on before its name is on disk.',
    source: 'Pillai et al., All File Systems Are Not Created Equal (OSDI 2014)',
    file: 'packages/log/src/store/partition-folders.ts',
    find: `    const folders = this.unsynced;
    if (folders.length === 0) return;`,
    replace: `    const folders = this.unsynced;
    if (folders.length >= 0) return;`,
    run: huntIn('recycling'),
  },
  {
    id: 'log-claims-unsynced-commit',
    says: 'A replica remembers a commit beyond what it has on disk.',
    source: 'Raft §5.3: applied only when committed',
    file: 'packages/broker/src/replication/raft/raft-replicator.ts',
    find: `    const end = this.core.durableCommit + 1;`,
    replace: `    const end = this.core.commit + 1;`,
    run: huntIn('elections'),
  },
  {
    // What no sync covers is torn, and replay ends there; what was synced and can not be read is damage. So none of a power
    // loss's gaps gets as far as the numbers of a replica's writes, until that first guard is gone, too.
    id: 'wal-takes-gaps',
    says: 'A replica whose writes are not all there goes on with those behind the gap.',
    source: 'RabbitMQ ra f68c255a: indexes of one writer are contiguous',
    edits: [
      {
        file: 'packages/log/src/store/store-recovery.ts',
        find: `    if (header.sequence !== channel.gathered + 1) {`,
        replace: `    if (header.sequence < channel.gathered + 1) {`,
      },
      {
        file: 'packages/log/src/store/store-recovery.ts',
        find: `          if (!isBetween(position, start, this.history.end)) return;`,
        replace: `          if (!isBetween(position, start, undefined)) return;`,
      },
    ],
    run: once('pitfall-hard-state-behind-a-torn-generation'),
  },
  {
    id: 'wal-recycles-hard-states',
    says: 'A checkpoint leaves the hard state out: it is lost when the file with it is used again.',
    source: 'rule 5',
    file: 'packages/log/src/store/checkpointer.ts',
    find: `  if (channel.failure === undefined && row.sequence >= channel.rowFloor) return row;`,
    replace: `  if (channel.failure === undefined && row.sequence >= channel.rowFloor)
    return { ...row, hardState: undefined };`,
    run: once('rule-05-vote-outlives-recycling'),
  },
  {
    id: 'wal-recycles-too-early',
    says: 'Files of the write-ahead log are used again before the checkpoint that replaces them is on disk.',
    source: 'rule 5',
    file: 'packages/log/src/store/checkpointer.ts',
    find: `    commit.gatherFrame(frame);
    await commit.synced();`,
    replace: `    commit.gatherFrame(frame);
    writer.release(start.file);
    await commit.synced();`,
    run: once('pitfall-files-used-again-before-the-checkpoint'),
  },
  {
    id: 'wal-checkpoint-without-segments',
    says: 'A checkpoint does not wait until the segments are on disk for which it stands.',
    source: 'rule 5',
    file: 'packages/log/src/store/checkpointer.ts',
    find: `    await syncs.syncAll(dirty);`,
    replace: `    void syncs;`,
    run: once('rule-05-segments-before-recycling'),
  },
  {
    id: 'recovery-extends-log',
    says: 'A recovery takes valid batches behind the end of what checkpoint and frames account for.',
    source: 'rule 9',
    edits: [
      {
        file: 'packages/log/src/partition/recovery-scan.ts',
        find: `        if (segment.endOffset === target) return undefined;`,
        replace: `        if (segment.endOffset === target && target !== this.account.end) return undefined;`,
      },
      {
        file: 'packages/log/src/partition/recovery-scan.ts',
        find: `          const { position: at, nextOffset: offset = base, reason } = step.value;`,
        replace: `          const { position: at, nextOffset: offset = base, reason } = step.value;
          if (segment.endOffset >= target && target === this.account.end) {
            this.end = segment.endOffset;
            return undefined;
          }`,
      },
      {
        file: 'packages/log/src/partition/recovery-scan.ts',
        find: `    if (lastOffset >= target)
      return fault(`,
        replace: `    if (lastOffset >= target && target !== this.account.end)
      return fault(`,
      },
    ],
    run: once('pitfall-cut-records-stay-cut'),
  },
  {
    id: 'recovery-forgets-producers',
    says: 'A recovery does not learn from the log what producers have written.',
    source: 'KIP-98: producers are known from the log',
    file: 'packages/log/src/partition/recovery-scan.ts',
    find: `      this.base.producers.append(header, baseOffset, this.stableEnd, producerExpirationMs);`,
    replace: `      if (baseOffset < 0)
        this.base.producers.append(header, baseOffset, this.stableEnd, producerExpirationMs);`,
    run: huntIn('crashes'),
  },
  {
    id: 'start-is-always-clean',
    says: 'After a power loss a broker takes what it had written for still there.',
    source: 'Raft figure 2: persistent state; Jepsen: NATS 2.12.1 (issue 7567)',
    file: 'packages/log/src/store/data-directory.ts',
    find: `    const survived = found.clean || (bootId !== '' && found.bootId === bootId);`,
    replace: `    const survived = found.clean || found.bootId.length + bootId.length > 0;`,
    run: huntIn('forgetting'),
  },
];
