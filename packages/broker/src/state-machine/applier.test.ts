// Which records of a log make the state, in logs as leaders leave them.
import { silentLogger } from '@zhumq/base';
import type { LogSlice } from '@zhumq/log';
import {
  encodeBatch,
  leaderChangeBatch,
  readBatchHeader,
  stampBatch,
  stateSnapshotBeginBatch,
  stateSnapshotEndBatch,
} from '@zhumq/model';
import type { Partition } from '../partition/partition.js';
import { LastValues, recordOf } from '../testing/state-machines.js';
import { Applier } from './applier.js';
import { SnapshotScan } from './snapshot-scan.js';

/** "a b": records; "<": a snapshot begins; ">": it ends; "!": a new epoch; ">9" ends one that began at 9. */
function logOf(...batches: readonly string[]): Buffer {
  let epoch = 1;
  let begin = 0;
  let offset = 0;
  let records = 0;
  const written = batches.map((text) => {
    if (text === '!') epoch++;
    if (text === '<') begin = offset;
    const batch = batchOf(text, offset, begin, records);
    stampBatch(batch, 0, offset, epoch);
    records = text === '<' ? 0 : records + readBatchHeader(batch).recordsCount;
    offset += readBatchHeader(batch).recordsCount;
    return batch;
  });
  return Buffer.concat(written);
}

function batchOf(text: string, offset: number, begin: number, records: number): Buffer {
  if (text === '!') return leaderChangeBatch({ generation: 1, replicaId: '', voters: [] }, 1);
  if (text === '<') return stateSnapshotBeginBatch(offset, 1);
  if (text.startsWith('>')) {
    const beginOffset = text === '>' ? begin : Number(text.slice(1));
    return stateSnapshotEndBatch({ beginOffset, records }, 1);
  }
  return encodeBatch(text.split(' ').map((key) => ({ timestamp: 1, ...recordOf(key, key) })));
}

async function stateOf(log: Buffer): Promise<string> {
  const highWatermark = endOf(log);
  const partition = {
    ...{ isOpen: true, highWatermark },
    log: { logStart: 0, highWatermark: 0, read: () => sliceOf(log, 0) },
  } as unknown as Partition;
  const base = await new SnapshotScan(partition, silentLogger).latest(() => true);
  const machine = new LastValues();
  const applier = new Applier(machine, base, 0);
  applier.apply(sliceOf(log, applier.position));
  expect(applier.position).toBe(highWatermark);
  return machine.told.join(' ');
}

function endOf(log: Buffer): number {
  let at = 0;
  let end = 0;
  for (; at < log.length; at += readBatchHeader(log, at).sizeBytes)
    end = readBatchHeader(log, at).lastOffset + 1;
  return end;
}

function sliceOf(log: Buffer, from: number): LogSlice {
  let at = 0;
  while (readBatchHeader(log, at).baseOffset < from) at += readBatchHeader(log, at).sizeBytes;
  const bytes = log.length - at;
  return { buffers: [log.subarray(at)], bytes, firstOffset: from, endOffset: endOf(log) };
}

test.each([
  ['all of them, without a snapshot', ['!', 'a b', 'c', '!', 'd'], 'a b c d'],
  [
    'a snapshot and what follows it',
    ['!', 'a b', 'c', '<', 'A', 'B C', '>', 'd', '!', 'e'],
    'A B C d e',
  ],
  ['an empty snapshot', ['!', 'a', '<', '>', 'd'], 'd'],
  ['the last of two snapshots', ['!', 'a', '<', 'A', '>', 'b', '<', 'AB', '>', 'c'], 'AB c'],
  ['not those of a snapshot that was never ended', ['!', 'a', '<', 'A', '!', 'b'], 'a b'],
  [
    'the same after a whole one',
    ['!', 'a', '<', 'A', '>', 'b', '<', 'AB', '!', 'c d', 'e'],
    'A b c d e',
  ],
  ['not those of one that was begun and nothing else', ['!', 'a', '<', '!', 'b'], 'a b'],
  ['two that were never ended', ['!', 'a', '<', 'A', '!', 'b', '<', 'AB', '!', 'c'], 'a b c'],
  ['an end of another epoch ends nothing', ['!', 'a', '<', 'A', '!', 'b', '>2', 'c'], 'a b c'],
  ['an end of another begin ends nothing', ['!', 'a', '<', 'A', '<', 'B', '>2', '!', 'c'], 'a c'],
])('the state is made of: %s', async (_, batches, state) => {
  expect(await stateOf(logOf(...batches))).toBe(state);
});

test('a snapshot that was taken here is not applied again', () => {
  const log = logOf('!', 'a b', '<', 'A', '>', 'c');
  const machine = new LastValues();
  const applier = new Applier(machine, undefined, 0);
  applier.apply(sliceOf(log, 0));
  expect(machine.told.join(' ')).toBe('a b c');
  expect(applier.bytesSinceSnapshot).toBe(log.length - endBatchAt(log));
  expect(applier.snapshotBytes).toBe(batchOf('A', 0, 0, 0).length);
});

test('a snapshot with fewer records than its end says is refused', () => {
  const log = logOf('!', '<', 'A', '>');
  const short = Buffer.from(log);
  stateSnapshotEndBatch({ beginOffset: 1, records: 2 }, 1).copy(short, endBatchAt(log));
  stampBatch(short, endBatchAt(log), 3, 2);
  const applier = new Applier(new LastValues(), { beginOffset: 1, endOffset: 4 }, 0);
  expect(() => applier.apply(sliceOf(short, 1))).toThrow('has 1 records, its end says 2');
});

function endBatchAt(log: Buffer): number {
  let at = 0;
  while (at + readBatchHeader(log, at).sizeBytes < log.length)
    at += readBatchHeader(log, at).sizeBytes;
  return at;
}
