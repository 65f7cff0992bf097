// Judges the history of a consumer group by what is promised to its users, without any knowledge of how it is done:
//
// - A partition is given to a member only after the one before has released it, has left, or is taken for dead. From then on
//   nobody else handles it (one that was frozen finishes what it had in hand), and no commit of anybody else that begins
//   after that is confirmed. No description of the group shows two owners; in one epoch a member's partitions only get fewer.
// - Every acknowledged message is handled, each owner's in order and without a gap.
// - A message is handled twice only where the first one died, was frozen out, lost its partition, or was refused its commit; never
//   when its commit had been confirmed or seen.
// - Committed positions never go back.
import type { DescribedMember, GroupEvent } from './group-history.js';
import { freezeBetween, ownershipOf } from './group-ownership.js';
import type { Handled, MemberLife, Ownership, Tenure } from './group-ownership.js';

export type GroupAnomalyKind =
  | 'two owners' // given away before its owner let go
  | 'two owners described' // by the coordinator
  | 'more in one epoch' // partitions without a new epoch
  | 'epoch went back'
  | 'handled by two' // a former owner handles although another one has the partition
  | 'handled without owning'
  | 'stale commit' // confirmed although another one had the partition already
  | 'not handled' // acknowledged, and handled by nobody
  | 'out of order' // by one owner
  | 'skipped' // by one owner
  | 'handled twice by one' // in one tenure
  | 'handled after its commit' // again, although it was committed
  | 'unexplained duplicate'
  | 'position went back'
  | 'member failed';

export interface GroupAnomaly {
  readonly kind: GroupAnomalyKind;
  readonly detail: string;
}

export const CAUSES = ['killed', 'frozen', 'lost', 'commit refused'] as const;
export type DuplicateCause = (typeof CAUSES)[number];

export interface GroupVerdict {
  readonly anomalies: readonly GroupAnomaly[];
  /** Messages that were handled once more, by what explains it. */
  readonly duplicates: Readonly<Record<DuplicateCause, number>>;
}

export function checkGroupHistory(events: readonly GroupEvent[]): GroupVerdict {
  const ownership = ownershipOf(events);
  const duplicates = { killed: 0, frozen: 0, lost: 0, 'commit refused': 0 };
  const anomalies = [
    ...oneOwner(ownership),
    ...oneOwnerDescribed(events),
    ...commitsFenced(events, ownership),
    ...allHandled(events, ownership),
    ...inOrder(events, ownership),
    ...duplicatesExplained(events, ownership, duplicates),
    ...positionsGrow(events),
    ...membersGoOn(events),
  ];
  return { anomalies, duplicates };
}

function* oneOwner({ members, tenures, unowned }: Ownership): Iterable<GroupAnomaly> {
  for (const detail of unowned) yield { kind: 'handled without owning', detail };
  for (const [partition, all] of tenures) {
    for (const [index, next] of all.entries()) {
      for (const former of all.slice(0, index)) {
        if (former.until <= next.from) continue;
        const life = members.get(former.member) as MemberLife;
        if (former.end === 'released') {
          const detail = `${next.member} was given ${partition} ${ms(former.until - next.from)} before ${former.member} had released it`;
          yield { kind: 'two owners', detail };
        }
        const late = former.handled.filter(({ at }) => at > next.from);
        const wasFrozen = freezeBetween(life, former.from, next.from) !== undefined;
        if (late.length <= (wasFrozen ? life.inHand : 0)) continue;
        const detail = `${former.member} handled ${late.length} of ${partition} from offset ${late[0].offset} on, up to ${ms((late.at(-1)?.at ?? 0) - next.from)} after ${next.member} had been given it`;
        yield { kind: 'handled by two', detail };
      }
    }
    for (const { member, handled, until, end } of all) {
      const late = handled.find(({ at }) => at > until);
      if (late === undefined) continue;
      const detail = `${member} handled ${partition}/${late.offset} ${ms(late.at - until)} after it was ${end}`;
      yield { kind: 'handled without owning', detail };
    }
  }
}

function* oneOwnerDescribed(events: readonly GroupEvent[]): Iterable<GroupAnomaly> {
  const known = new Map<string, DescribedMember>();
  for (const event of events) {
    if (event.kind !== 'described') continue;
    const owners = new Map<number, string>();
    for (const member of event.members) {
      const { memberId, clientId, owned } = member;
      for (const partition of owned) {
        const other = owners.get(partition);
        if (other !== undefined) {
          const detail = `${partition} is of ${other} and of ${clientId} at ${at(event)}`;
          yield { kind: 'two owners described', detail };
        }
        owners.set(partition, clientId);
      }
      const before = known.get(memberId);
      known.set(memberId, member);
      if (before === undefined) continue;
      const order = member.term - before.term || member.counter - before.counter;
      const [one, other] = [epochOf(before), epochOf(member)];
      if (order < 0) {
        yield { kind: 'epoch went back', detail: `of ${clientId}: from ${one} to ${other}` };
      }
      const more = owned.filter((partition) => !before.owned.includes(partition));
      if (order === 0 && more.length > 0) {
        yield { kind: 'more in one epoch', detail: `${clientId} got ${more} in epoch ${one}` };
      }
    }
  }
}

/** A commit that begins when another member has been given the partition is to be refused. */
function* commitsFenced(
  events: readonly GroupEvent[],
  { tenures }: Ownership,
): Iterable<GroupAnomaly> {
  for (const event of events) {
    if (event.kind !== 'committed') continue;
    for (const { partition, offset } of event.positions) {
      const before = (tenures.get(partition) ?? []).filter(({ from }) => from < event.began);
      const owner = before.at(-1);
      if (owner === undefined || owner.member === event.member) continue;
      const detail = `${event.member} committed ${offset} of ${partition} ${ms(event.began - owner.from)} after ${owner.member} had been given it`;
      yield { kind: 'stale commit', detail };
    }
  }
}

function* allHandled(
  events: readonly GroupEvent[],
  { handled }: Ownership,
): Iterable<GroupAnomaly> {
  const offsets = new Map([...handled].map(([partition, all]) => [partition, offsetsOf(all)]));
  for (const event of events) {
    if (event.kind !== 'acked') continue;
    const { partition, offset } = event;
    if (offsets.get(partition)?.has(offset) === true) continue;
    yield { kind: 'not handled', detail: `${partition}/${offset}, acknowledged at ${at(event)}` };
  }
}

function* inOrder(
  events: readonly GroupEvent[],
  { tenures, handled }: Ownership,
): Iterable<GroupAnomaly> {
  const known = new Map([...handled].map(([partition, all]) => [partition, offsetsOf(all)]));
  for (const event of events) {
    if (event.kind === 'acked') known.get(event.partition)?.add(event.offset);
  }
  for (const [partition, all] of tenures) {
    const sorted = [...(known.get(partition) ?? [])].sort((one, other) => one - other);
    const indexes = new Map(sorted.map((offset, index) => [offset, index]));
    for (const { member, handled: own } of all) {
      for (const [index, { offset }] of own.entries()) {
        const before = own.at(index - 1)?.offset;
        if (index === 0 || before === undefined) continue;
        const step = (indexes.get(offset) ?? 0) - (indexes.get(before) ?? 0);
        const detail = `${member} handled ${partition}/${offset} right after ${before}`;
        if (step === 0) yield { kind: 'handled twice by one', detail };
        else if (step < 0) yield { kind: 'out of order', detail };
        else if (step > 1) yield { kind: 'skipped', detail };
      }
    }
  }
}

function* duplicatesExplained(
  events: readonly GroupEvent[],
  { members, handled }: Ownership,
  duplicates: Record<DuplicateCause, number>,
): Iterable<GroupAnomaly> {
  const seen = committedOffsets(events);
  for (const [partition, all] of handled) {
    const times = new Map<number, Handled[]>();
    for (const one of all) times.set(one.offset, [...(times.get(one.offset) ?? []), one]);
    for (const [offset, several] of times) {
      for (const [index, again] of several.slice(1).entries()) {
        const first = several[index];
        // Told by inOrder.
        if (first.tenure === again.tenure) continue;
        const what = `${partition}/${offset} by ${first.tenure.member}, then ${ms(again.at - first.at)} later by ${again.tenure.member}`;
        const commit = (seen.get(partition) ?? []).find((one) => one.offset > offset);
        if (commit !== undefined && commit.at < again.tenure.from) {
          const detail = `${what}; its commit was known ${ms(again.tenure.from - commit.at)} before that one was given the partition`;
          yield { kind: 'handled after its commit', detail };
          continue;
        }
        const cause = causeOf(members, first, again);
        if (cause !== undefined) duplicates[cause]++;
        else {
          const detail = `${what}; the first one's tenure was ${first.tenure.end}`;
          yield { kind: 'unexplained duplicate', detail };
        }
      }
    }
  }
}

/** By partition: when which position was first known to be committed, in the order of time. */
function committedOffsets(events: readonly GroupEvent[]) {
  const seen = new Map<number, { readonly at: number; readonly offset: number }[]>();
  const note = (partition: number, offset: number, when: number): void => {
    const all = seen.get(partition);
    if (all === undefined) seen.set(partition, [{ at: when, offset }]);
    else if (offset > (all.at(-1)?.offset ?? -1)) all.push({ at: when, offset });
  };
  for (const event of events) {
    if (event.kind === 'position') note(event.partition, event.offset, event.at);
    if (event.kind !== 'committed') continue;
    for (const { partition, offset } of event.positions) note(partition, offset, event.at);
  }
  return seen;
}

function causeOf(
  members: ReadonlyMap<string, MemberLife>,
  first: Handled,
  again: Handled,
): DuplicateCause | undefined {
  const { tenure } = first;
  if (again.tenure.from < tenure.from) {
    // What a frozen one had in hand; how much that may be is the business of oneOwner.
    const late = members.get(again.tenure.member) as MemberLife;
    return freezeBetween(late, again.tenure.from, again.at) === undefined ? undefined : 'frozen';
  }
  const life = members.get(tenure.member) as MemberLife;
  if (life.killedAt >= first.at && life.killedAt < again.at) return 'killed';
  const wasTaken = tenure.end === 'lost' || tenure.until > again.at;
  if (wasTaken && freezeBetween(life, tenure.from, again.at) !== undefined) return 'frozen';
  if (tenure.end === 'lost') return 'lost';
  const end = lastWords(tenure);
  const wasRefused = life.refusedCommits.some((time) => time > first.at && time <= end);
  return wasRefused ? 'commit refused' : undefined;
}

/** A refusal is told right after, or right before, the partition is given up. */
function lastWords({ until }: Tenure): number {
  return until + 100;
}

function* positionsGrow(events: readonly GroupEvent[]): Iterable<GroupAnomaly> {
  const last = new Map<number, number>();
  for (const event of events) {
    if (event.kind !== 'position') continue;
    const { partition, offset } = event;
    const before = last.get(partition) ?? -1;
    last.set(partition, offset);
    if (offset >= before) continue;
    const detail = `of ${partition}: from ${before} to ${offset} at ${at(event)}`;
    yield { kind: 'position went back', detail };
  }
}

function* membersGoOn(events: readonly GroupEvent[]): Iterable<GroupAnomaly> {
  const killed = new Set<string>();
  const begun = new Set<string>();
  for (const event of events) {
    if (event.kind === 'killed') killed.add(event.member);
    if (event.kind === 'joining') begun.add(event.member);
    if (event.kind === 'failed') {
      yield { kind: 'member failed', detail: `${event.member}: ${event.code}` };
    }
    if (event.kind !== 'ended' || killed.has(event.member) || event.code === 0) continue;
    // By the signal that told it to leave, before its program ran.
    if (event.code === null && !begun.has(event.member)) continue;
    yield { kind: 'member failed', detail: `${event.member} ended with ${event.code}` };
  }
}

function offsetsOf(handled: readonly Handled[]): Set<number> {
  return new Set(handled.map(({ offset }) => offset));
}

function epochOf({ term, counter }: DescribedMember): string {
  return `${term}.${counter}`;
}

function at({ at: time }: GroupEvent): string {
  return `${(time / 1000).toFixed(3)} s`;
}

function ms(time: number): string {
  return `${time.toFixed(1)} ms`;
}
