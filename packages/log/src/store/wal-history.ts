// The first of the two passes over the write-ahead log: finds the newest complete checkpoint and decides where the log
// ends and whether it is damaged. The second pass (store-recovery.ts) replays.
//
// A position that can not be read is one of three things:
// - the end of a file: later files say how long it was (WriteFrame.previousEnd);
// - a torn tail: nothing says that it, or anything behind it, ever was durable. What stands there was never acknowledged;
//   it is cut, and so is everything behind it, intact or not (sectors of one write reach the disk in any order);
// - corruption: a later frame, anywhere, says that a position behind it was durable (rule 24). Frames that were
//   acknowledged are gone; never silently.
//
// What lies before the start of the newest checkpoint is not needed and not judged. But a place that can not be read may
// begin there and end behind the start: then it is judged as if it began at the start.
import type { FileSystem } from '../file-system/file-system.js';
import { readCheckpointStart } from './checkpoint-frame.js';
import { FRAME_HEADER_BYTES, FrameKind, fileSeal } from './wal-frame.js';
import type { FrameHeader } from './wal-frame.js';
import { comparePositions, laterPosition, WAL_BEGINNING } from './wal-position.js';
import type { WalPosition } from './wal-position.js';
import { scanWalFile } from './wal-scan.js';
import { readWriteFrame } from './write-frame.js';

export interface WalSource {
  readonly fileSystem: FileSystem;
  readonly directoryId: string;
  /** Numbers of the files that exist, rising. */
  readonly files: readonly number[];
  pathOf(file: number): string;
}

/** A frame with an intact header whose body can not be read. */
export interface RottenFrame {
  readonly position: WalPosition;
  readonly header: FrameHeader;
}

export interface WalHistory {
  /** Of the newest complete checkpoint frame; undefined when there is none. */
  readonly checkpoint: { readonly position: WalPosition; readonly start: WalPosition } | undefined;
  /** Replay ends here (exclusive); undefined: at the end of the last file. */
  readonly end: WalPosition | undefined;
  /** Below it everything was durable once. */
  readonly durable: WalPosition;
  /** Where frames from `durable` on stand: after a kill these may be in the page cache only. */
  readonly unsynced: readonly WalStretch[];
  /** Where frames from `start` on are lost that were durable; nobody knows whose. */
  readonly lost: readonly WalPosition[];
  /** Frames from `start` on that were durable and are rotten, with known owners. */
  readonly rotten: readonly RottenFrame[];
  /** Replicas retired by frames from `start` to `end`: they are not opened at all. */
  readonly retired: readonly string[];
  /** The last file, if no frame was ever written to it: prepared and not needed yet. */
  readonly unused: number | undefined;
}

/** Bytes of one file. */
export interface WalStretch {
  readonly file: number;
  readonly offset: number;
  readonly end: number;
}

interface Gap {
  readonly offset: number;
  /** Of the finding that follows; undefined when none does. */
  end: number | undefined;
}

interface FileHistory {
  readonly number: number;
  /** First of the unreadable places at the end of what can be read in order; later ones follow. */
  readonly gaps: Gap[];
  readonly rotten: { readonly offset: number; readonly header: FrameHeader }[];
  /** Of the last readable frame that tells of something: not of one that only begins a write. */
  lastTold: WalPosition | undefined;
  /** How long the file before it was, as its writes say. */
  previousEnd: number | undefined;
  /** Where the last readable frame ends. */
  end: number;
}

export function readWalHistory(source: WalSource): WalHistory {
  const survey = new Survey();
  // From the newest back to where the newest checkpoint starts: nothing before it is looked at.
  const files: FileHistory[] = [];
  for (const number of [...source.files].reverse()) {
    if (survey.checkpoint !== undefined && number < survey.checkpoint.start.file) break;
    files.unshift(survey.read(source, number));
  }
  const { checkpoint, durable } = survey;
  const start = checkpoint?.start ?? WAL_BEGINNING;
  const lost: WalPosition[] = [];
  const rotten: RottenFrame[] = [];
  let end: WalPosition | undefined;
  const judge = (position: WalPosition, whenDurable: () => void): void => {
    if (end !== undefined) return;
    if (comparePositions(position, durable) < 0) whenDurable();
    else end = position;
  };
  for (const { position: begin, end: behind, header } of unreadablePlaces(files, start)) {
    if (comparePositions(begin, start) < 0 && comparePositions(behind, start) <= 0) continue;
    const position = laterPosition(begin, start);
    judge(position, () => {
      if (header === undefined) lost.push(position);
      else rotten.push({ position, header });
    });
  }
  const retired = survey.retirements
    .filter(({ position }) => isBetween(position, start, end))
    .map(({ replicaId }) => replicaId);
  const unsynced = files
    .filter(({ lastTold }) => lastTold !== undefined && comparePositions(lastTold, durable) >= 0)
    .map(({ number, end: until }) => {
      const offset = number === durable.file ? durable.offset : 0;
      return { file: number, offset, end: until };
    });
  const last = files.at(-1);
  const unused = last?.gaps.length === 1 && last.gaps[0].offset === 0 ? last.number : undefined;
  return { checkpoint, durable, unsynced, end, lost, rotten, retired, unused };
}

/** Whether replay comes by a position; `end` undefined: to the end of the last file. */
export function isBetween(
  position: WalPosition,
  start: WalPosition,
  end: WalPosition | undefined,
): boolean {
  return (
    comparePositions(position, start) >= 0 &&
    (end === undefined || comparePositions(position, end) < 0)
  );
}

/** One pass over all files, remembering only what the verdict needs. */
class Survey {
  checkpoint: WalHistory['checkpoint'];
  readonly retirements: { readonly replicaId: string; readonly position: WalPosition }[] = [];
  durable: WalPosition = WAL_BEGINNING;

  read(source: WalSource, number: number): FileHistory {
    const history: FileHistory = {
      ...{ number, gaps: [], rotten: [], lastTold: undefined },
      ...{ previousEnd: undefined, end: 0 },
    };
    const file = source.fileSystem.openSync(source.pathOf(number), 'read');
    try {
      for (const found of scanWalFile(file, fileSeal(source.directoryId, number))) {
        history.end = found.offset;
        const before = history.gaps.at(-1);
        if (before !== undefined) before.end ??= found.offset;
        if (found.kind === 'gap') {
          history.gaps.push({ offset: found.offset, end: undefined });
          continue;
        }
        history.end += FRAME_HEADER_BYTES + found.header.bodyLength;
        if (found.kind === 'rotten') history.rotten.push(found);
        else this.note(history, { file: number, offset: found.offset }, found.header, found.body);
      }
    } finally {
      file.closeSync();
    }
    return history;
  }

  private note(file: FileHistory, position: WalPosition, header: FrameHeader, body: Buffer): void {
    if (header.kind === FrameKind.write) {
      const write = readWriteFrame(body);
      if (write === undefined) return;
      // The first write of a life knows of no file before it; a file that another one follows is never empty.
      if (write.previousEnd > 0) file.previousEnd ??= write.previousEnd;
      this.durable = laterPosition(this.durable, write.durable);
      return;
    }
    file.lastTold = position;
    if (header.kind === FrameKind.checkpoint) {
      const start = readCheckpointStart(body);
      const newest = this.checkpoint;
      if (start === undefined) return;
      if (newest !== undefined && comparePositions(position, newest.position) < 0) return;
      this.checkpoint = { position, start };
    } else if (header.kind === FrameKind.retire) {
      this.retirements.push({ replicaId: header.replicaId, position });
    }
  }
}

interface Unreadable {
  readonly position: WalPosition;
  /** Where frames can be read again, or the file ended; infinitely far where nobody knows. */
  readonly end: WalPosition;
  readonly header?: FrameHeader;
}

/** In order of position: gaps that are no ends of files, rotten frames, files that are not there. */
function unreadablePlaces(files: readonly FileHistory[], start: WalPosition): Unreadable[] {
  const places: Unreadable[] = [];
  let expected = start.file;
  for (const [index, { number, gaps, rotten, previousEnd, end }] of files.entries()) {
    if (number < start.file) continue;
    if (expected < number) {
      // One is as bad as many, and numbers may be far apart.
      const bytes = expected + 1 === number ? previousEnd : undefined;
      places.push(placeIn(expected, 0, bytes));
    }
    expected = number + 1;
    const found: Unreadable[] = rotten.map(({ offset, header }) => ({
      ...placeIn(number, offset, offset + FRAME_HEADER_BYTES + header.bodyLength),
      header,
    }));
    /** How long it was, as the next file says. */
    const bytes = files.at(index + 1)?.previousEnd;
    for (const gap of gaps) {
      const isEnd = bytes === gap.offset && gap.offset === end;
      if (!isEnd) found.push(placeIn(number, gap.offset, gap.end ?? bytes));
    }
    // A file that had grown lost its end, and what is left ends with a frame: there is no gap to be seen.
    const isCut = end < (bytes ?? 0) && !gaps.some(({ offset }) => offset === end);
    if (isCut) found.push(placeIn(number, end, bytes));
    places.push(...found.sort((a, b) => a.position.offset - b.position.offset));
  }
  return places;
}

function placeIn(file: number, offset: number, end: number | undefined): Unreadable {
  return { position: { file, offset }, end: { file, offset: end ?? Infinity } };
}
