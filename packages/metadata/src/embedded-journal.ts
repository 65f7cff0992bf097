// The file of an embedded store: the persistent nodes as a log of changes, rewritten when it has grown.
//
//   zhumq-embedded-store 1 LF                         first line: format and its version
//   <crc32, 8 hex digits> SP <JSON> LF                one line per multi: an array of changes, all or none
//
//   change: {"k":"put","p":path,"v":version,"d":base64} | {"k":"del","p":path} | {"k":"seq","p":path,"n":next}
//
// A line is on disk (fdatasync) before anybody sees its effect. A line that fails its checksum is the torn tail of the
// last write if nothing whole follows it, and is cut off; else it is damage, and the file is refused. Compaction writes
// a new file beside, syncs it, renames it and syncs the folder.
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { existsSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { zhumqError } from '@zhumq/model';
import type { Effect } from './embedded-tree.js';

const HEADER = 'zhumq-embedded-store 1\n';
/** Below this size no compaction. */
const COMPACT_LEAST_BYTES = 1024 * 1024;
/** Compaction when the file is so many times its size after the last one. */
const COMPACT_GROWTH = 4;

interface Change {
  readonly k: 'put' | 'del' | 'seq';
  readonly p: string;
  readonly v?: number;
  readonly d?: string;
  readonly n?: number;
}

export class EmbeddedJournal {
  private descriptor: number;
  private bytes: number;
  private compactedBytes: number;

  private constructor(
    private readonly file: string,
    descriptor: number,
    bytes: number,
  ) {
    this.descriptor = descriptor;
    this.bytes = bytes;
    this.compactedBytes = bytes;
  }

  /** Reads the file (or makes it) and hands out its effects in order. DATA_CORRUPT names the place of the damage. */
  static open(file: string, restore: (effect: Effect) => void): EmbeddedJournal {
    if (!existsSync(file)) {
      const journal = new EmbeddedJournal(file, -1, 0);
      journal.compact([]);
      return journal;
    }
    const content = readFileSync(file);
    const end = readLines(file, content, restore);
    const descriptor = openSync(file, 'r+');
    if (end < content.length) {
      ftruncateSync(descriptor, end);
      fdatasyncSync(descriptor);
    }
    return new EmbeddedJournal(file, descriptor, end);
  }

  /** Durable when it returns. Ephemeral nodes are left out: they die with their sessions, at the latest here. */
  append(effects: readonly Effect[]): void {
    const changes = effects.flatMap(changesOf);
    if (changes.length === 0) return;
    this.bytes += writeAll(this.descriptor, lineOf(changes), this.bytes);
    fdatasyncSync(this.descriptor);
  }

  wantsCompaction(): boolean {
    return this.bytes > Math.max(COMPACT_LEAST_BYTES, this.compactedBytes * COMPACT_GROWTH);
  }

  /** Replaces the log by the given effects. */
  compact(tree: Iterable<Effect>): void {
    const fresh = `${this.file}.new`;
    const descriptor = openSync(fresh, 'w');
    let bytes = writeAll(descriptor, Buffer.from(HEADER), 0);
    for (const effect of tree) bytes += writeAll(descriptor, lineOf(changesOf(effect)), bytes);
    fsyncSync(descriptor);
    renameSync(fresh, this.file);
    syncFolder(dirname(this.file));
    this.close();
    this.descriptor = descriptor;
    this.bytes = bytes;
    this.compactedBytes = bytes;
  }

  close(): void {
    if (this.descriptor !== -1) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** Position after the last good line. */
function readLines(file: string, content: Buffer, restore: (effect: Effect) => void): number {
  if (!content.subarray(0, HEADER.length).equals(Buffer.from(HEADER))) {
    throw zhumqError('DATA_CORRUPT', `${file} is no embedded store of format 1`, { file });
  }
  let position = HEADER.length;
  while (position < content.length) {
    const newline = content.indexOf(10, position);
    const changes = newline === -1 ? undefined : parseLine(content.subarray(position, newline));
    if (changes === undefined) {
      if (wholeLineAfter(content, position)) {
        const text = `${file} is damaged at byte ${position}: the line there fails its checksum and is not the last one`;
        throw zhumqError('DATA_CORRUPT', text, { file, position });
      }
      return position;
    }
    for (const change of changes) restore(effectOf(change));
    position = newline + 1;
  }
  return position;
}

function wholeLineAfter(content: Buffer, badLine: number): boolean {
  let newline = content.indexOf(10, badLine);
  while (newline !== -1) {
    const next = content.indexOf(10, newline + 1);
    if (next === -1) return false;
    if (parseLine(content.subarray(newline + 1, next)) !== undefined) return true;
    newline = next;
  }
  return false;
}

function parseLine(line: Buffer): Change[] | undefined {
  const body = line.subarray(9);
  if (line.length < 10 || line.toString('latin1', 0, 9) !== `${checksum(body)} `) return undefined;
  return JSON.parse(body.toString()) as Change[];
}

function lineOf(changes: readonly Change[]): Buffer {
  const body = JSON.stringify(changes);
  return Buffer.from(`${checksum(Buffer.from(body))} ${body}\n`);
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

function changesOf(effect: Effect): Change[] {
  const { path: p } = effect;
  switch (effect.kind) {
    case 'created':
    case 'changed': {
      const { data, version: v, owner } = effect.node;
      return owner === undefined ? [{ k: 'put', p, v, d: data.toString('base64') }] : [];
    }
    case 'deleted':
      return effect.owner === undefined ? [{ k: 'del', p }] : [];
    case 'counted':
      return [{ k: 'seq', p, n: effect.nextSequence }];
  }
}

function effectOf({ k, p: path, v = 0, d = '', n = 0 }: Change): Effect {
  if (k === 'del') return { kind: 'deleted', path, owner: undefined };
  if (k === 'seq') return { kind: 'counted', path, nextSequence: n };
  const node = { data: Buffer.from(d, 'base64'), version: v, owner: undefined };
  return { kind: 'created', path, node };
}

function writeAll(descriptor: number, bytes: Buffer, position: number): number {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, position + written);
  }
  return written;
}

/** A renamed file survives a power cut once its folder is on disk. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
