// A partition belongs to one member of a group at a time, and who lost it commits nothing there any more. A member that
// lost it may not know yet; and one that was slow may say that it was given the partition when that is long over.
import type { GroupIndex } from './group-index.js';
import type { HistoryIndex } from './history-index.js';
import type { EventOf } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

type Assigned = EventOf<'assign'> & { readonly line: number };
type Commit = EventOf<'commit'> & { readonly line: number };

/** One member's time with the partition, as it saw it. */
interface Tenure {
  readonly assigned: Assigned;
  /** Line; Infinity: it never said that it ended. */
  end: number;
  /** It gave the partition up of its own: until then nobody else was to have it. */
  wasGivenUp: boolean;
  /** Taken by the cluster. */
  readonly commits: Commit[];
}

export function* membersShareNothing({ groups, isExact }: HistoryIndex): Iterable<Violation> {
  for (const group of groups.values()) {
    const tenures = tenuresOf(group);
    for (const [index, one] of tenures.entries()) {
      for (let later = index + 1; later < tenures.length; later += 1) {
        if (tenures[later].assigned.member === one.assigned.member) continue;
        yield* judgePair(group, one, tenures[later], isExact);
        // Who was assigned after an orderly end of both has nothing to do with the first.
        if (one.wasGivenUp && tenures[later].assigned.line > one.end) break;
      }
    }
  }
}

/** In the order of their begins. */
function tenuresOf({ moves }: GroupIndex): Tenure[] {
  const tenures: Tenure[] = [];
  const present = new Map<string, Tenure>();
  for (const move of moves) {
    if (move.kind === 'assign') {
      const tenure = { assigned: move, end: Infinity, wasGivenUp: false, commits: [] };
      present.set(move.member, tenure);
      tenures.push(tenure);
    } else if (move.kind === 'revoke') {
      const tenure = present.get(move.member);
      if (tenure === undefined || tenure.end !== Infinity) continue;
      tenure.end = move.line;
      tenure.wasGivenUp = !move.lost;
    } else if (move.kind === 'commit' && move.outcome === 'ok') {
      present.get(move.member)?.commits.push(move);
    }
  }
  return tenures;
}

function* judgePair(
  group: GroupIndex,
  one: Tenure,
  other: Tenure,
  isExact: boolean,
): Iterable<Violation> {
  const order = orderOf(one, other, isExact);
  if (order === 'same') {
    const generation = (one.assigned.generation ?? []).join('/');
    yield shared(group, one, other, `both were given it in generation ${generation}`);
  } else if (order === 'unknown') {
    yield* judgeUnordered(group, one, other);
  } else {
    const [older, newer] = order;
    if (older.wasGivenUp && older.end > newer.assigned.line)
      yield shared(group, older, newer, 'the first one gave it up only after that');
    const zombie = older.commits.find((commit) => askedAt(commit) > newer.assigned.at);
    if (zombie !== undefined) yield zombieCommit(group, zombie, newer.assigned);
  }
}

/** Without generations: both say that it was theirs, at a time. */
function* judgeUnordered(group: GroupIndex, one: Tenure, other: Tenure): Iterable<Violation> {
  const isOverlap = one.end > other.assigned.line && other.end > one.assigned.line;
  if (isOverlap && one.wasGivenUp && other.wasGivenUp)
    yield shared(group, one, other, 'each gave it up, after the other one had it');
  const begin = Math.max(one.assigned.at, other.assigned.at);
  const own = one.commits.find((commit) => askedAt(commit) > begin);
  const its = other.commits.find((commit) => askedAt(commit) > begin);
  if (own !== undefined && its !== undefined) yield zombieCommit(group, own, other.assigned);
}

/** Whom the cluster gave it first, and whom after that. */
function orderOf(
  one: Tenure,
  other: Tenure,
  isExact: boolean,
): readonly [older: Tenure, newer: Tenure] | 'same' | 'unknown' {
  const [own, its] = [one.assigned.generation, other.assigned.generation];
  if (own === undefined || its === undefined) return isExact ? [one, other] : 'unknown';
  const order = own[0] - its[0] || own[1] - its[1];
  if (order === 0) return 'same';
  return order < 0 ? [one, other] : [other, one];
}

function askedAt({ invokedAt, at }: Commit): number {
  return invokedAt ?? at;
}

function shared(group: GroupIndex, one: Tenure, other: Tenure, why: string): Violation {
  const [own, its] = [one.assigned, other.assigned];
  const sentence = `${own.member} and ${its.member} of group ${group.group} had the partition: ${why}`;
  const ends = [one.end, other.end].filter(Number.isFinite);
  return violation('shared-ownership', group, [own.line, its.line, ...ends], sentence);
}

function zombieCommit({ group }: GroupIndex, commit: Commit, newer: Assigned): Violation {
  const sentence = `group ${group} took a commit of ${commit.member} at offset ${commit.offset}, and ${newer.member} had been given the partition`;
  return violation('zombie-commit', newer, [newer.line, commit.line], sentence, commit.offset);
}
