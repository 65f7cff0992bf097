// zhumq log verify: every checksum, index and epoch of a partition; the position of the first damage.
import type { PartitionReport } from '@zhumq/log';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, counted, formatOf, note, printObject } from '../../output.js';
import { tellIfSlow } from '../../waiting.js';
import { FOLDER_POSITIONAL, partitionFolderOf } from './partition-folder.js';

export const verifyLog: Verb = {
  usage: 'verify <dir>',
  describe: 'Recompute every checksum, hold indexes and epochs against the segments',
  positionals: FOLDER_POSITIONAL,
  options: { ...OUTPUT_OPTION },
  examples: [['log verify data/partitions/orders-0.1f00ba11', 'exit code 1 when damaged']],
  async run(flags) {
    const { NodeFileSystem, verifyPartition } = await import('@zhumq/log');
    const directory = partitionFolderOf(flags);
    const report = await tellIfSlow(
      `all bytes of ${directory}`,
      verifyPartition(directory, new NodeFileSystem()),
    );
    const [first] = report.problems;
    const ok = first === undefined;
    printObject(formatOf(flags), { directory, ok, ...report }, reportLines(directory, report));
    if (!ok)
      note(
        `zhumq: damage in ${first.file} at byte ${first.position} (offset ${first.offset}): ${first.reason}`,
      );
    return ok ? EXIT.ok : EXIT.failed;
  },
};

function reportLines(directory: string, report: PartitionReport): string[] {
  const { segments, batches, records, firstOffset, endOffset, tailBytes, problems } = report;
  // Where damage ended the reading, the end is not that of the partition.
  const range =
    problems.length === 0
      ? `offsets ${firstOffset} to ${endOffset} (exclusive), epoch ${report.lastEpoch}`
      : 'as far as they can be read';
  return [
    `${directory}: ${problems.length === 0 ? 'sound' : `DAMAGED, ${counted(problems.length, 'problem')}`}`,
    `  ${counted(segments, 'segment')}, ${counted(batches, 'batch', 'batches')}, ${counted(records, 'record')}; ${range}`,
    ...(tailBytes === 0
      ? []
      : [
          `  ${counted(tailBytes, 'byte')} at the end are not whole yet: no damage, the write-ahead log has them`,
        ]),
    ...problems.map(
      ({ file, position, offset, reason }) =>
        `  ${file} at byte ${position} (offset ${offset}): ${reason}`,
    ),
  ];
}
