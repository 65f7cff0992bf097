// Which messages of each producer: a bit per sequence number.

export class MessageSet {
  private bits: Uint8Array;
  size = 0;

  constructor(bits: Uint8Array = new Uint8Array(4096)) {
    this.bits = bits;
    for (const byte of bits) this.size += ONES[byte];
  }

  /** False when it is in already. */
  add(sequence: number): boolean {
    const index = sequence >>> 3;
    if (index >= this.bits.length) this.grow(index);
    const bit = 1 << (sequence & 7);
    if ((this.bits[index] & bit) !== 0) return false;
    this.bits[index] |= bit;
    this.size++;
    return true;
  }

  has(sequence: number): boolean {
    return ((this.bits[sequence >>> 3] ?? 0) & (1 << (sequence & 7))) !== 0;
  }

  /** Those that are here and not in the other one. */
  without(other: MessageSet): number {
    return this.countBytes((byte, index) => byte & ~(other.bits[index] ?? 0));
  }

  /** Those that are in both. */
  shared(other: MessageSet): number {
    return this.countBytes((byte, index) => byte & (other.bits[index] ?? 0));
  }

  union(other: MessageSet): void {
    if (other.bits.length > this.bits.length) this.grow(other.bits.length - 1);
    this.size = 0;
    for (let index = 0; index < this.bits.length; index++) {
      this.bits[index] |= other.bits[index] ?? 0;
      this.size += ONES[this.bits[index]];
    }
  }

  /** To send to another process. */
  get bytes(): Uint8Array {
    return this.bits;
  }

  private countBytes(combine: (byte: number, index: number) => number): number {
    let count = 0;
    for (let index = 0; index < this.bits.length; index++)
      count += ONES[combine(this.bits[index], index) & 0xff];
    return count;
  }

  private grow(index: number): void {
    const larger = new Uint8Array(Math.max(index + 1, this.bits.length * 2));
    larger.set(this.bits);
    this.bits = larger;
  }
}

/** Bits that are set in each byte. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count++;
  return count;
});
