// How far a group has come: never back by itself, never where nobody committed, never past what no member was given.
import type { GroupIndex } from './group-index.js';
import type { HistoryIndex } from './history-index.js';
import type { EventOf, PartitionIndex } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

type Commit = EventOf<'commit'> & { readonly line: number };
type Seen = EventOf<'position'> & { readonly line: number };

export function* positionsAreKept({ groups, partitions }: HistoryIndex): Iterable<Violation> {
  for (const group of groups.values()) {
    const partition = partitions.get(`${group.topic}-${group.partition}`);
    if (partition === undefined) continue;
    yield* neverBack(group, partition);
    yield* onlyCommitted(group);
    yield* onlyDelivered(group, partition);
  }
}

/** From `at` on the group is there, or further. */
interface Floor {
  readonly at: number;
  readonly offset: number;
  readonly line: number;
}

function* neverBack(group: GroupIndex, partition: PartitionIndex): Iterable<Violation> {
  const floors: Floor[] = [];
  for (const move of group.moves) {
    const { kind, line } = move;
    if (kind === 'reset' && move.outcome !== 'fail') {
      const present = floors.at(-1)?.offset ?? -1;
      const offset = move.outcome === 'ok' ? move.offset : Math.min(present, move.offset);
      floors.push({ at: move.at, offset, line });
    }
    if (kind !== 'position' && (kind !== 'commit' || move.outcome !== 'ok')) continue;
    const floor = floorAt(floors, move);
    if (floor !== undefined && move.offset < floor.offset) {
      if (!partition.losses.frees(floor.offset)) {
        const did = kind === 'commit' ? `took a commit of ${move.member} at` : 'was found at';
        const sentence = `group ${group.group} ${did} offset ${move.offset}, and had ${floor.offset} before`;
        yield violation('commit-fell', group, [floor.line, line], sentence, move.offset);
      }
      floors.push({ at: move.at, offset: move.offset, line });
    } else if (kind === 'commit' && move.offset > (floors.at(-1)?.offset ?? -1)) {
      floors.push({ at: move.at, offset: move.offset, line });
    }
  }
}

/** What was certain when it was asked for: the lowest floor from then on (resets lower it). */
function floorAt(floors: readonly Floor[], move: Commit | Seen): Floor | undefined {
  const askedAt = move.invokedAt;
  let lowest: Floor | undefined;
  for (let index = floors.length - 1; index >= 0; index -= 1) {
    const floor = floors[index];
    if (lowest === undefined || floor.offset < lowest.offset) lowest = floor;
    if (askedAt === undefined || floor.at < askedAt) return lowest;
  }
  return undefined;
}

function* onlyCommitted(group: GroupIndex): Iterable<Violation> {
  const made = new Set<number>([-1]);
  for (const move of group.moves)
    if (move.kind === 'commit' || move.kind === 'reset')
      if (move.outcome !== 'fail') made.add(move.offset);
  for (const move of group.moves) {
    if (move.kind !== 'position' || made.has(move.offset)) continue;
    const sentence = `group ${group.group} was found at offset ${move.offset}, which nobody committed`;
    yield violation('unmade-commit', group, [move.line], sentence, move.offset);
  }
}

function* onlyDelivered(group: GroupIndex, partition: PartitionIndex): Iterable<Violation> {
  const offsets = partition.readOffsets();
  // A group begins where it will; what it was given first is not before that.
  const begin = firstDelivered(group);
  let next = offsets.findIndex((offset) => offset >= begin);
  if (next === -1) return;
  for (const move of group.moves) {
    if (move.kind === 'reset' && move.outcome !== 'fail')
      while (next < offsets.length && offsets[next] < move.offset) next += 1;
    if (move.kind !== 'commit' || move.outcome !== 'ok') continue;
    for (; next < offsets.length && offsets[next] < move.offset; next += 1) {
      const offset = offsets[next];
      const isLate = (group.delivered.get(offset) ?? Infinity) > move.line;
      if (!isLate || offset < partition.logStart || isGone(partition, offset)) continue;
      if (partition.losses.since(offset, move.line)) continue;
      const sentence = `group ${group.group} committed offset ${move.offset}; the record at ${offset} had been given to no member`;
      const place = partition.placesAt.get(offset);
      yield violation('undelivered-commit', group, [move.line, place?.line ?? 0], sentence, offset);
    }
  }
}

function firstDelivered({ delivered }: GroupIndex): number {
  let least = Infinity;
  for (const offset of delivered.keys()) least = Math.min(least, offset);
  return least;
}

function isGone(partition: PartitionIndex, offset: number): boolean {
  const place = partition.placesAt.get(offset);
  return place === undefined || partition.isGone(place);
}
