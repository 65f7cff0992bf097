// What a run was, in 64 bits: two runs with the same digest did the same things at the same times.
import { crc32 } from 'node:zlib';

export class Digest {
  private high = 0x9e3779b9;
  private low = 0x85ebca6b;

  event(nowMs: number, life: number): void {
    this.number(nowMs * 1000);
    this.number(life);
  }

  number(value: number): void {
    this.low = Math.imul(this.low ^ (value | 0), 0x01000193);
    this.high = Math.imul(this.high ^ (this.low >>> 15) ^ (value | 0), 0x27d4eb2f);
  }

  bytes(content: Uint8Array): void {
    this.number(crc32(content));
  }

  text(content: string): void {
    this.number(crc32(content));
  }

  toString(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.high) + hex(this.low);
  }
}
