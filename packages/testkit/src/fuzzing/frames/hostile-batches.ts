// Record batches: good ones, and ones that lie in their header under a checksum that fits.
import { SeededRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { BATCH_CRC_START, crc32c, encodeBatch } from '@zhumq/model';

const CRC_AT = 17;
const HEADER_BYTES = 61;
const KEPT = 64;
/** Fields of the header, as storage-format.md draws it: where, and how long. */
const FIELDS = [
  [0, 8],
  [8, 4],
  [12, 4],
  [16, 1],
  [21, 2],
  [23, 4],
  [27, 8],
  [35, 8],
  [43, 8],
  [51, 2],
  [53, 4],
  [57, 4],
] as const;

export class BatchMaker {
  constructor(private readonly random: Random) {}

  valid(): Buffer {
    return goodBatches()[this.random.below(KEPT)];
  }

  hostile(): Buffer {
    const { random } = this;
    const batch = Buffer.from(this.valid());
    switch (random.below(6)) {
      case 0:
        return batch.subarray(0, random.below(batch.length));
      case 1:
        return Buffer.concat([batch, this.valid()]);
      case 2:
        batch[random.below(batch.length)] ^= 1 << random.below(8);
        return batch;
      case 3: {
        // What follows the header: records that are none.
        const at = Math.min(HEADER_BYTES + random.below(64), batch.length - 1);
        batch[at] = random.below(256);
        return withChecksum(batch);
      }
      default:
        return this.withWrongField(batch);
    }
  }

  private withWrongField(batch: Buffer): Buffer {
    const { random } = this;
    const [at, bytes] = FIELDS[random.below(FIELDS.length)];
    const fill = [0, 0xff, 0x7f, 0x80, 0x20, 0x10, 0x08, random.below(256)][random.below(8)];
    if (random.below(2) === 0) batch.fill(fill, at, at + bytes);
    else batch[at + random.below(bytes)] = fill;
    return withChecksum(batch);
  }
}

let made: readonly Buffer[] | undefined;

/** The same ones for everybody: packing takes its time. */
function goodBatches(): readonly Buffer[] {
  const random = new SeededRandom(KEPT);
  made ??= Array.from({ length: KEPT }, (_, index) => goodBatch(index, random));
  return made;
}

function goodBatch(index: number, random: Random): Buffer {
  const records = Array.from({ length: 1 + random.below(8) }, (_, number) => ({
    timestamp: 1_700_000_000_000 + number,
    key: random.below(2) === 0 ? null : Buffer.from(`k${number}`),
    value: Buffer.alloc(random.below(200), index),
  }));
  const codec = (['none', 'lz4', 'gzip'] as const)[random.below(3)];
  if (random.below(3) > 0) return encodeBatch(records, { codec });
  const producer = { producerId: random.below(50), producerEpoch: 0, baseSequence: 0 };
  return encodeBatch(records, { codec, ...producer });
}

function withChecksum(batch: Buffer): Buffer {
  if (batch.length > BATCH_CRC_START)
    batch.writeUInt32BE(crc32c(batch, 0, BATCH_CRC_START), CRC_AT);
  return batch;
}
