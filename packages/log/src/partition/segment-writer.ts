// Carries what a log decided to its files, in that order: bytes gathered in a tick, cuts, seals. A cut waits, and all
// that follows it, until its truncate or reset frame is on disk: no byte that checkpoint and frames account for is
// removed or overwritten before they say otherwise, or a power loss would look like damage.
import type { Offset } from '../types.js';
import { segmentFile } from './file-names.js';
import type { PartitionResources } from './partition-resources.js';
import { writeIndexes } from './segment-indexes.js';
import type { Segment, SegmentIndexes } from './segment.js';

type Step =
  | {
      readonly kind: 'write';
      readonly segment: Segment;
      readonly position: number;
      buffers: Buffer[];
      bytes: number;
      /** Everything below is in the files afterwards; a cut lowers it. */
      endOffset: Offset;
    }
  | {
      readonly kind: 'cut';
      /** Of its frame. */
      readonly sequence: number;
      /** Offset that the log ends at. */
      readonly from: Offset;
      /** The segment that ends at `bytes` now. */
      readonly segment: Segment | undefined;
      readonly bytes: number;
      readonly removed: readonly Segment[];
      /** Producer snapshots that lie beyond the cut. */
      readonly files: readonly string[];
    }
  | { readonly kind: 'seal'; readonly segment: Segment; readonly indexes: SegmentIndexes };

export class SegmentWriter {
  private steps: Step[] = [];
  private cuts = 0;
  /** Frames up to this one are on disk. */
  private durableSequence = 0;
  /** Bytes in the file of the segment that is written. */
  private written = 0;
  private writtenSegment: Segment | undefined;
  /** Paths written since the last sync. */
  private dirty = new Set<string>();
  private directoryDirty = false;

  constructor(
    private readonly resources: PartitionResources,
    private readonly directory: string,
    /** Everything below is in the files now. */
    private readonly onWritten: (end: Offset) => void,
  ) {}

  /** A cut waits: its frame is not on disk yet. */
  get hasCut(): boolean {
    return this.cuts > 0;
  }

  /** Frame of the last cut that waits. */
  get cutSequence(): number {
    const cut = this.steps.findLast((step) => step.kind === 'cut');
    return cut?.sequence ?? 0;
  }

  /** All frames up to `sequence` are on disk. Returns whether steps that waited for that can be done now. */
  allow(sequence: number): boolean {
    this.durableSequence = sequence;
    return this.cuts > 0 && !this.waits(this.steps[0]);
  }

  get isIdle(): boolean {
    return this.steps.length === 0;
  }

  get hasUnsynced(): boolean {
    return this.dirty.size > 0 || this.directoryDirty;
  }

  /** After recovery: what the files hold. */
  startAt(segment: Segment | undefined, rewritten: readonly string[]): void {
    this.writtenSegment = segment;
    this.written = segment?.bytes ?? 0;
    for (const path of rewritten) this.dirty.add(path);
    this.directoryDirty = true;
  }

  append(segment: Segment, position: number, buffer: Buffer, endOffset: Offset): void {
    const last = this.steps.at(-1);
    if (last?.kind === 'write' && last.segment === segment) {
      last.buffers.push(buffer);
      last.bytes += buffer.length;
      last.endOffset = endOffset;
      return;
    }
    const bytes = buffer.length;
    this.steps.push({ kind: 'write', segment, position, buffers: [buffer], bytes, endOffset });
  }

  seal(segment: Segment, indexes: SegmentIndexes): void {
    this.steps.push({ kind: 'seal', segment, indexes });
  }

  cut(to: Omit<Extract<Step, { kind: 'cut' }>, 'kind'>): void {
    // Bytes behind the cut are still in the file, but nobody may look for them there any more.
    const written = to.segment === undefined ? 0 : this.writtenBytes(to.segment);
    this.writtenSegment = to.segment;
    this.written = Math.min(written, to.bytes);
    this.steps = this.steps.filter((step) => step.kind !== 'write' || shorten(step, to));
    this.steps.push({ kind: 'cut', ...to });
    this.cuts++;
  }

  /** Bytes of a segment that are in its file. */
  writtenBytes(segment: Segment): number {
    if (segment === this.writtenSegment) return this.written;
    for (const step of this.steps) {
      if (step.kind === 'write' && step.segment === segment) return step.position;
    }
    return segment.bytes;
  }

  /** Does what was gathered, up to a cut that waits. Throws the system's error; the replica fails then. */
  write(): void {
    const { steps } = this;
    if (steps.length === 0) return;
    let done = 0;
    for (; done < steps.length && !this.waits(steps[done]); done++) {
      const step = steps[done];
      if (step.kind === 'write') this.writeBytes(step);
      else if (step.kind === 'seal') this.writeIndexes(step);
      else this.cutFiles(step);
    }
    this.steps = done === steps.length ? [] : steps.slice(done);
  }

  private waits(step: Step): boolean {
    return step.kind === 'cut' && step.sequence > this.durableSequence;
  }

  discard(): void {
    this.steps = [];
    this.cuts = 0;
  }

  /** Unlinks segments that the log start passed. Their frame is on disk. */
  unlink(segments: readonly Segment[]): void {
    for (const segment of segments) this.removeFiles(segment);
  }

  markDirty(path: string): void {
    this.dirty.add(path);
  }

  /** Syncs the files written so far, then the folder. */
  async sync(): Promise<void> {
    const paths = [...this.dirty];
    const directory = this.directoryDirty;
    this.dirty = new Set();
    this.directoryDirty = false;
    const { files, fileSystem } = this.resources;
    await Promise.all(paths.map((path) => files.useAsync(path, 'write', (file) => file.sync())));
    for (const path of paths) if (!path.endsWith('.log')) files.discard(path);
    if (directory) await fileSystem.syncDirectory(this.directory);
  }

  private writeBytes(step: Extract<Step, { kind: 'write' }>): void {
    const { segment, position, buffers, bytes } = step;
    this.resources.files.use(segment.path, 'write', (file) => file.writeSync(buffers, position));
    if (position === 0) this.directoryDirty = true;
    this.dirty.add(segment.path);
    this.writtenSegment = segment;
    this.written = position + bytes;
    this.onWritten(step.endOffset);
  }

  private writeIndexes(step: Extract<Step, { kind: 'seal' }>): void {
    const { segment, indexes } = step;
    const paths = writeIndexes(this.resources.fileSystem, segment, indexes);
    for (const path of paths) this.dirty.add(path);
    // A cut in the same tick may have made it the active one again.
    if (segment.isSealed) segment.indexes = undefined;
    this.directoryDirty = true;
  }

  private cutFiles(step: Extract<Step, { kind: 'cut' }>): void {
    this.cuts--;
    const { segment, bytes } = step;
    for (const removed of step.removed) this.removeFiles(removed);
    for (const path of step.files) this.removeFile(path);
    this.directoryDirty = true;
    if (this.cuts === 0) {
      // Otherwise a later cut has said already what is left.
      this.writtenSegment = segment;
      this.written = segment === undefined ? 0 : bytes;
    }
    if (segment === undefined) return;
    this.resources.files.use(segment.path, 'write', (file) => {
      if (file.sizeSync() > bytes) file.truncateSync(bytes);
    });
    this.dirty.add(segment.path);
    for (const suffix of ['.index', '.timeindex'] as const) {
      this.removeFile(segmentFile(segment.directory, segment.base, suffix));
    }
  }

  private removeFiles(segment: Segment): void {
    for (const suffix of ['.log', '.index', '.timeindex'] as const) {
      this.removeFile(segmentFile(segment.directory, segment.base, suffix));
    }
    this.resources.indexes.delete(segment.contentId);
    this.directoryDirty = true;
  }

  private removeFile(path: string): void {
    this.resources.files.discard(path);
    this.dirty.delete(path);
    if (this.resources.fileSystem.statSync(path) !== undefined) {
      this.resources.fileSystem.unlinkSync(path);
    }
  }
}

/** Takes from bytes that are not written yet what a cut removes; false when nothing is left to write. */
function shorten(
  step: Extract<Step, { kind: 'write' }>,
  cut: Omit<Extract<Step, { kind: 'cut' }>, 'kind'>,
): boolean {
  if (cut.removed.includes(step.segment)) return false;
  step.endOffset = Math.min(step.endOffset, cut.from);
  if (step.segment !== cut.segment || step.position + step.bytes <= cut.bytes) return true;
  const bytes = cut.bytes - step.position;
  if (bytes <= 0) return false;
  step.buffers = [Buffer.concat(step.buffers).subarray(0, bytes)];
  step.bytes = bytes;
  return true;
}
