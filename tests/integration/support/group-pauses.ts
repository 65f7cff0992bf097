// How long partitions stood still that did not change hands, and how long those took that did.
//
// A pause lies between two messages that one owner handled of one partition, and begins only when the second one was
// there: acknowledged to its producer. So what producers could not send is nobody's pause.
import type { GroupEvent } from './group-history.js';
import { freezeBetween, ownershipOf } from './group-ownership.js';
import type { MemberLife, Ownership, Tenure } from './group-ownership.js';

/** A change of members has its effects in so much time; a dead one is noticed by its session. */
export const CHANGE_LASTS_MS = 5_000;
/** Shorter pauses of readers are not looked at. */
const LEAST_MS = 20;
/** Observers ask more often. */
const SILENCE_MS = 2_000;
/** After its return a broker may take leaderships again for so long. */
const BROKER_SETTLES_MS = 10_000;

export interface Pause {
  readonly ms: number;
  /** How much longer it was than that of any reader without a group, of the same partition at the same time. */
  readonly excessMs: number;
  readonly member: string;
  readonly partition: number;
  readonly offset: number;
}

export interface PauseFigures {
  /** While members came and went. */
  readonly changing: readonly Pause[];
  /** At other times. */
  readonly quiet: readonly Pause[];
}

interface Span {
  readonly from: number;
  readonly until: number;
}

interface Outage extends Span {
  /** Partitions that are concerned; all of them when undefined. */
  readonly leads?: readonly number[];
}

const CHANGES = new Set<GroupEvent['kind']>([
  ...(['started', 'told to leave', 'killed', 'frozen', 'continued', 'ended'] as const),
]);

/**
 * Largest first. Without partitions whose leader was killed, members that were frozen themselves, the time that programs wait
 * for their own commits, and the times in which nobody coordinates the group: members whose heartbeats are not answered for
 * their session timeout handle nothing.
 */
export function pausesOf(events: readonly GroupEvent[]): PauseFigures {
  const { members, tenures } = ownershipOf(events);
  const available = new Map<string, number>();
  for (const event of events) {
    if (event.kind === 'acked') available.set(`${event.partition}/${event.offset}`, event.at);
  }
  const changes = events.filter(({ kind }) => CHANGES.has(kind)).map(({ at }) => at);
  const outages: Outage[] = outagesOf(events);
  const silences: Outage[] = silencesOf(events);
  const readers = readerPauses(events, available);
  const figures = { changing: [] as Pause[], quiet: [] as Pause[] };
  for (const [partition, all] of tenures) {
    for (const { member, handled } of all) {
      const life = members.get(member) as MemberLife;
      for (const [index, { at: until, offset }] of handled.entries()) {
        const there = available.get(`${partition}/${offset}`);
        if (index === 0 || there === undefined) continue;
        const from = Math.max(handled[index - 1].at, there, commitBefore(life, until));
        const isOut = [...outages, ...silences].some((outage) => {
          return outage.leads?.includes(partition) !== false && overlaps(outage, from, until);
        });
        if (isOut || freezeBetween(life, from, until) !== undefined) continue;
        const ms = Math.max(0, until - from);
        const alike = (readers.get(partition) ?? []).filter((one) => overlaps(one, from, until));
        const readerMs = Math.max(0, ...alike.map((one) => one.until - one.from));
        const pause = { ms, excessMs: Math.max(0, ms - readerMs), member, partition, offset };
        const isChanging = changes.some((at) => at <= until && from <= at + CHANGE_LASTS_MS);
        figures[isChanging ? 'changing' : 'quiet'].push(pause);
      }
    }
  }
  for (const pauses of Object.values(figures)) pauses.sort((one, other) => other.ms - one.ms);
  return figures;
}

export interface Takeover {
  readonly cause: 'killed' | 'frozen' | 'told to leave';
  readonly member: string;
  readonly partitions: number;
  /** From the signal until somebody else had handled a message of each of the member's partitions. */
  readonly ms: number;
}

/** Those who kept their partitions, having been frozen for a short time, are not in it. */
export function takeoversOf(events: readonly GroupEvent[]): Takeover[] {
  const ownership = ownershipOf(events);
  const takeovers: Takeover[] = [];
  for (const event of events) {
    const { kind, at } = event;
    if (kind !== 'killed' && kind !== 'frozen' && kind !== 'told to leave') continue;
    const { member } = event;
    const held = (ownership.members.get(member)?.tenures ?? []).filter(
      ({ from, until }) => from < at && until > at,
    );
    const times = held.map((tenure) => takenOverAt(ownership, tenure, at));
    // Frozen for a short time only, it went on itself.
    const isKept = kind === 'frozen' && held.some(({ end }) => end !== 'lost' && end !== 'died');
    if (held.length === 0 || isKept || times.includes(undefined)) continue;
    const ms = Math.max(...times.map((time) => time as number)) - at;
    takeovers.push({ cause: kind, member, partitions: held.length, ms });
  }
  return takeovers;
}

function takenOverAt(
  { handled }: Ownership,
  { partition, member }: Tenure,
  after: number,
): number | undefined {
  const next = handled.get(partition)?.find(({ at, tenure }) => {
    return at > after && tenure.member !== member;
  });
  return next?.at;
}

/** Of the readers without a group, by partition; short ones do not matter. */
function readerPauses(
  events: readonly GroupEvent[],
  available: ReadonlyMap<string, number>,
): Map<number, Span[]> {
  const pauses = new Map<number, Span[]>();
  const last = new Map<string, number>();
  for (const event of events) {
    if (event.kind !== 'seen') continue;
    const { at: until, partition, offset, reader } = event;
    const there = available.get(`${partition}/${offset}`) ?? until;
    const from = Math.max(last.get(`${reader}/${partition}`) ?? until, there);
    last.set(`${reader}/${partition}`, until);
    if (until - from < LEAST_MS) continue;
    const known = pauses.get(partition);
    if (known === undefined) pauses.set(partition, [{ from, until }]);
    else known.push({ from, until });
  }
  return pauses;
}

/** From the kill of a broker until everything has calmed down. */
function outagesOf(events: readonly GroupEvent[]): Outage[] {
  return events.flatMap((event): Outage[] => {
    if (event.kind !== 'broker killed') return [];
    const back = events.find(
      (one) => one.kind === 'broker back' && one.broker === event.broker && one.at > event.at,
    );
    const { at: from, leads } = event;
    return [{ from, until: (back?.at ?? Infinity) + BROKER_SETTLES_MS, leads }];
  });
}

/** Times in which no observer got an answer from a coordinator, and as long after as its members may not know better. */
export function silencesOf(events: readonly GroupEvent[]): Span[] {
  const silences: Span[] = [];
  let last: number | undefined;
  for (const { kind, at } of events) {
    if (kind !== 'position' && kind !== 'described') continue;
    if (last !== undefined && at - last > SILENCE_MS) {
      silences.push({ from: last, until: at + SILENCE_MS });
    }
    last = at;
  }
  return silences;
}

/** When the last commit was answered that the program had to wait for. */
function commitBefore({ awaitsCommits, commitsAnswered }: MemberLife, until: number): number {
  return awaitsCommits ? (commitsAnswered.findLast((at) => at <= until) ?? 0) : 0;
}

function overlaps(span: Span, from: number, until: number): boolean {
  return span.from < until && span.until > from;
}
