// Randomness as a port. Election timeouts and jitter draw from a seedable generator, identities from the system's.
import { randomBytes } from 'node:crypto';

export interface Random {
  /** An integer from 0 to limit - 1. */
  below(limit: number): number;
  /** A number from 0 (included) to 1 (excluded). */
  fraction(): number;
}

/** sfc32 (Chris Doty-Humphrey's "small fast chaotic" generator), seeded by splitmix32. Same seed, same sequence. */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.a = next();
    this.b = next();
    this.c = next();
    for (let round = 0; round < 12; round++) this.next();
  }

  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  fraction(): number {
    return this.next() / 4294967296;
  }

  private next(): number {
    const sum = (this.a + this.b + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) >>> 0;
    return sum;
  }
}

/** A generator whose seed comes from the system. */
export function systemRandom(): Random {
  return new SeededRandom(randomBytes(4).readUInt32LE(0));
}

/** 128 random bits as 32 lower-case hexadecimal digits: topic, replica, directory and cluster identities. */
export function randomId(): string {
  return randomBytes(16).toString('hex');
}
