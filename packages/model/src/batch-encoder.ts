// A batch from records that are all there already; batch-builder.ts takes them one by one.
import { writeI64 } from './batch-header.js';
import { BatchBuilder, NO_PRODUCER } from './batch-builder.js';
import type { BatchBuilderOptions, ProducerIdentity } from './batch-builder.js';
import type { RecordInput } from './records.js';

export interface EncodeOptions extends BatchBuilderOptions, Partial<ProducerIdentity> {
  /** 0 in a produce request: the leader stamps it. */
  readonly baseOffset?: number;
  /** -1 in a produce request: the leader stamps it. */
  readonly epoch?: number;
}

export function encodeBatch(records: readonly RecordInput[], options: EncodeOptions = {}): Buffer {
  const builder = new BatchBuilder(options);
  for (const record of records) builder.append(record);
  const batch = builder.finishSync({
    producerId: options.producerId ?? NO_PRODUCER.producerId,
    producerEpoch: options.producerEpoch ?? NO_PRODUCER.producerEpoch,
    baseSequence: options.baseSequence ?? NO_PRODUCER.baseSequence,
  });
  if (options.baseOffset !== undefined) writeI64(batch, 0, options.baseOffset);
  if (options.epoch !== undefined) batch.writeInt32BE(options.epoch, 12);
  return batch;
}
