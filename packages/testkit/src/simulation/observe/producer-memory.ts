// What a log knows of producers is a function of its records, for every replica alike: a retry of what stands at its end is
// known with its offset, and what comes next is taken. Looked at where it may go wrong: after a start, after a cut, and
// when a replica begins to lead.
import type { Partition } from '@zhumq/broker';
import type { LogSlice } from '@zhumq/log';
import { batchSizeAt, readBatchHeader } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';

/** As many as a producer may have under way (KIP-98). */
const WINDOW = 5;
/** The last ones: enough for all producers that write. */
const RECORDS = 40;
const MAX_BYTES = 1024 * 1024;

/** Tells `forgot` what it got wrong; a cold read takes its time, and what has changed meanwhile is not judged. */
export function checkProducerMemory(partition: Partition, forgot: (what: string) => void): void {
  const { log } = partition;
  const { logStart, logEnd, lastEpoch } = log;
  const from = Math.max(logStart, logEnd - RECORDS);
  if (from >= logEnd) return;
  const judge = (slice: LogSlice): void => {
    if (!partition.isOpen || log.logEnd !== logEnd || log.lastEpoch !== lastEpoch) return;
    const what = amnesia(partition, headersOf(slice));
    if (what !== undefined) forgot(what);
  };
  try {
    const slice = log.read(from, logEnd, MAX_BYTES);
    if (slice instanceof Promise) slice.then(judge, () => undefined);
    else judge(slice);
  } catch {
    // Closed or out of service.
  }
}

function amnesia({ log }: Partition, headers: readonly BatchHeader[]): string | undefined {
  const last = headers.at(-1);
  // All was not read, being too much.
  if (last === undefined || last.baseOffset + last.lastOffsetDelta !== log.logEnd - 1) return;
  const producers = new Set(headers.map(({ producerId }) => producerId));
  for (const producerId of producers) {
    const own = headers.filter((header) => header.producerId === producerId);
    const newest = own[own.length - 1];
    if (producerId < 0) continue;
    for (const header of lastWindow(own)) {
      const verdict = log.checkProducer(header);
      if (verdict.kind === 'duplicate' && verdict.baseOffset === header.baseOffset) continue;
      const found = verdict.kind === 'duplicate' ? `at ${verdict.baseOffset}` : verdict.kind;
      return `takes a retry of the batch at ${header.baseOffset} of producer ${producerId} for: ${found}`;
    }
    const next = { ...newest, baseSequence: endSequence(newest) };
    const { kind } = log.checkProducer(next);
    if (kind !== 'append')
      return `takes what follows the batch at ${newest.baseOffset} of producer ${producerId} for: ${kind}`;
  }
  return undefined;
}

/** The last ones that follow each other. */
function lastWindow(own: readonly BatchHeader[]): readonly BatchHeader[] {
  let first = own.length - 1;
  while (first > 0 && own.length - first < WINDOW && follows(own[first - 1], own[first])) first--;
  return own.slice(first);
}

function follows(one: BatchHeader, other: BatchHeader): boolean {
  return one.producerEpoch === other.producerEpoch && endSequence(one) === other.baseSequence;
}

function endSequence({ baseSequence, lastOffsetDelta }: BatchHeader): number {
  return baseSequence + lastOffsetDelta + 1;
}

function headersOf({ buffers }: LogSlice): BatchHeader[] {
  const headers: BatchHeader[] = [];
  const bytes = buffers.length === 1 ? buffers[0] : Buffer.concat(buffers);
  for (let at = 0; at < bytes.length;) {
    const size = batchSizeAt(bytes, at) ?? 0;
    if (size <= 0) break;
    headers.push(readBatchHeader(bytes, at));
    at += size;
  }
  return headers;
}
