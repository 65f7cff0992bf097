// The codecs that a batch can name: numbers as in Kafka's attributes. Which of them this process can run is
// compression.ts's business; the broker passes all five on.

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
/** Numbers from this one on are unknown. */
export const CODEC_COUNT = CODECS.length;

export function codecNumber(codec: Codec): number {
  return CODECS.indexOf(codec);
}

/** The codec of a batch's attributes; undefined for the three numbers that stand for none. */
export function codecOf(attributes: number): Codec | undefined {
  return CODECS[attributes & 0x07];
}
