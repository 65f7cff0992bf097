// zhumq log dump: the batches of a partition, and their records when asked for.
import type { DumpedBatch, DumpedFault } from '@zhumq/log';
import { optionalNumber } from '../../arguments.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { jsonBytes } from '../../json-bytes.js';
import { OutputStream } from '../../output-stream.js';
import { OUTPUT_OPTION, counted, formatOf, isJson, note } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { FOLDER_POSITIONAL, partitionFolderOf } from './partition-folder.js';

export const dumpLog: Verb = {
  usage: 'dump <dir>',
  describe: 'Show the batches of a partition, in order',
  positionals: FOLDER_POSITIONAL,
  options: {
    ...OUTPUT_OPTION,
    records: { type: 'boolean', default: false, describe: 'Also the records in them' },
    from: { describe: 'Begin with the batch that holds this offset' },
  },
  examples: [['log dump data/partitions/orders-0.1f00ba11 --records -o jsonl', 'all of it']],
  async run(flags) {
    const { NodeFileSystem, dumpPartition } = await import('@zhumq/log');
    const directory = partitionFolderOf(flags);
    const fromOffset = optionalNumber(flags, 'from', 0) ?? 0;
    const records = flags.records === true;
    const format = formatOf(flags);
    const output = new OutputStream(process.stdout, format);
    let faults = 0;
    for await (const item of dumpPartition(directory, new NodeFileSystem(), {
      records,
      fromOffset,
    })) {
      if (item.kind === 'fault') {
        faults += 1;
        note(`zhumq: ${item.file} can not be read from byte ${item.position} on: ${item.reason}`);
      }
      await output.write([isJson(format) ? JSON.stringify(jsonOf(item)) : rowText(item, format)]);
    }
    output.end();
    // "log verify" knows whether it is damage, or a write under way.
    if (faults > 0) note('zhumq: "zhumq log verify" says whether that is damage');
    return EXIT.ok;
  },
};

function jsonOf(item: DumpedBatch | DumpedFault): object {
  if (item.kind === 'fault') return item;
  const { kind, file, position, header, codec, control, records } = item;
  return {
    ...{ kind, file, position, ...header, codec, control },
    records: records?.map(({ offset, timestamp, key, value, headers }) => ({
      ...{ offset, timestamp, key: jsonBytes(key), value: jsonBytes(value) },
      headers: headers.map(([name, bytes]) => [name, jsonBytes(bytes)]),
    })),
  };
}

function rowText(item: DumpedBatch | DumpedFault, format: OutputFormat): string {
  if (item.kind === 'fault') return `unreadable at byte ${item.position}: ${item.reason}`;
  const { header, codec, control, position, records } = item;
  const { baseOffset, lastOffset, epoch, sizeBytes, recordsCount, maxTimestamp } = header;
  const what =
    control === undefined ? `${counted(recordsCount, 'record')}, ${codec}` : control.kind;
  const more =
    format === 'wide'
      ? `, at byte ${position}, producer ${header.producerId} epoch ${header.producerEpoch} sequence ${header.baseSequence}, crc ${header.crc.toString(16)}`
      : '';
  const head = `${baseOffset}..${lastOffset}  epoch ${epoch}  ${new Date(maxTimestamp).toISOString()}  ${sizeBytes} bytes  ${what}${more}`;
  const inside = (records ?? []).map(
    ({ offset, key, value }) =>
      `  ${offset}  ${JSON.stringify(jsonBytes(key))}  ${JSON.stringify(jsonBytes(value))}`,
  );
  return [head, ...inside].join('\n');
}
