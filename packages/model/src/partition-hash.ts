// Which partition a key goes to. 32-bit murmur2 (a public algorithm) with Kafka's seed, sign bit dropped, modulo the
// number of partitions: the same key lands in the same partition as with Kafka's own default partitioner.
const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** murmur2 of the key without its sign bit: 0 to 2^31 - 1. The partition is this modulo the number of partitions. */
export function keyHash(key: Uint8Array): number {
  return murmur2(key) & 0x7fffffff;
}

/** murmur2 as a signed 32-bit number. */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let position = 0; position < whole; position += 4) {
    let word =
      key[position] |
      (key[position + 1] << 8) |
      (key[position + 2] << 16) |
      (key[position + 3] << 24);
    word = Math.imul(word, MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = length - whole;
  if (rest > 0) {
    if (rest === 3) hash ^= key[whole + 2] << 16;
    if (rest >= 2) hash ^= key[whole + 1] << 8;
    hash = Math.imul(hash ^ key[whole], MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
