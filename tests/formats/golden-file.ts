// Bytes that must never change, as hexadecimal text under golden/. UPDATE_GOLDEN=1 writes the ones that are missing or
// differ: do that only for a format that is new or was never released.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const BYTES_PER_LINE = 32;

function fileOf(name: string): string {
  return path.join(__dirname, 'golden', `${name}.hex`);
}

/** The bytes of a golden file. */
export function readGolden(name: string): Buffer {
  return Buffer.from(readFileSync(fileOf(name), 'utf8').replaceAll(/\s/g, ''), 'hex');
}

/** The golden bytes; where they are to be written anew, `made` becomes them. */
export function golden(name: string, made: Buffer): Buffer {
  const update = process.env.UPDATE_GOLDEN === '1';
  if (update && !(existsSync(fileOf(name)) && readGolden(name).equals(made))) {
    const lines: string[] = [];
    for (let start = 0; start < made.length; start += BYTES_PER_LINE) {
      lines.push(made.subarray(start, start + BYTES_PER_LINE).toString('hex'));
    }
    writeFileSync(fileOf(name), `${lines.join('\n')}\n`);
  }
  return readGolden(name);
}
