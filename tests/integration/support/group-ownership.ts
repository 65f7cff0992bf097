// Who read which partition from when to when, as the members themselves tell it.
import type { GroupEvent } from './group-history.js';

export interface Handled {
  readonly at: number;
  readonly partition: number;
  readonly offset: number;
  readonly tenure: Tenure;
}

/** From "assigned" to "revoked", or to the end of the process. */
export interface Tenure {
  readonly member: string;
  readonly partition: number;
  readonly from: number;
  /** Infinity while it lasts. */
  until: number;
  /** `released`: given up in order. `left`: by leaving the group. `lost`: the coordinator had taken it away. */
  end: 'open' | 'released' | 'left' | 'lost' | 'died';
  readonly handled: Handled[];
}

export interface Freeze {
  readonly from: number;
  until: number;
}

/** One life of a member. */
export interface MemberLife {
  readonly name: string;
  readonly tenures: Tenure[];
  readonly freezes: Freeze[];
  /** Messages of one partition that its program may have at a time. */
  inHand: number;
  /** Then it handles nothing while it commits. */
  awaitsCommits: boolean;
  /** When its commits were answered, well or not. */
  readonly commitsAnswered: number[];
  killedAt: number;
  toldToLeaveAt: number;
  readonly refusedCommits: number[];
}

export interface Ownership {
  readonly members: ReadonlyMap<string, MemberLife>;
  /** By partition, in the order of their beginnings. */
  readonly tenures: ReadonlyMap<number, readonly Tenure[]>;
  /** By partition, in the order of time. */
  readonly handled: ReadonlyMap<number, readonly Handled[]>;
  /** Messages that a member handled without ever having been given the partition. */
  readonly unowned: readonly string[];
}

export function ownershipOf(events: readonly GroupEvent[]): Ownership {
  const members = new Map<string, MemberLife>();
  const tenures = new Map<number, Tenure[]>();
  const handled = new Map<number, Handled[]>();
  const unowned: string[] = [];
  const last = (life: MemberLife, partition: number): Tenure | undefined =>
    life.tenures.findLast((tenure) => tenure.partition === partition);

  for (const event of events) {
    if (!('member' in event)) continue;
    const { at } = event;
    const life = lifeOf(members, event.member);
    switch (event.kind) {
      case 'joining':
        life.inHand = event.inHand;
        life.awaitsCommits = event.awaitsCommits;
        break;
      case 'killed':
        life.killedAt = at;
        break;
      case 'told to leave':
        life.toldToLeaveAt = at;
        break;
      case 'frozen':
        life.freezes.push({ from: at, until: Infinity });
        break;
      case 'continued':
        for (const freeze of life.freezes) freeze.until = Math.min(freeze.until, at);
        break;
      case 'commit refused':
        life.refusedCommits.push(at);
        life.commitsAnswered.push(at);
        break;
      case 'committed':
        life.commitsAnswered.push(at);
        break;
      case 'assigned':
        for (const partition of event.partitions) {
          const { name: member } = life;
          const until = Infinity;
          const tenure: Tenure = {
            ...{ member, partition, from: at, until, end: 'open', handled: [] },
          };
          life.tenures.push(tenure);
          append(tenures, partition, tenure);
        }
        break;
      case 'revoked':
        for (const partition of event.partitions) {
          const tenure = last(life, partition);
          if (tenure?.end !== 'open') continue;
          tenure.until = at;
          tenure.end = event.lost ? 'lost' : life.toldToLeaveAt < at ? 'left' : 'released';
        }
        break;
      case 'ended':
        for (const tenure of life.tenures) {
          if (tenure.end !== 'open') continue;
          tenure.until = at;
          tenure.end = 'died';
        }
        break;
      case 'handled': {
        const { partition, offset } = event;
        const tenure = last(life, partition);
        if (tenure === undefined) {
          unowned.push(`${life.name} handled ${partition}/${offset}, which it was never given`);
          break;
        }
        const one = { at, partition, offset, tenure };
        tenure.handled.push(one);
        append(handled, partition, one);
        break;
      }
      default:
        break;
    }
  }
  return { members, tenures, handled, unowned };
}

/** A freeze of the member that began before `before` and ended, if it did, after `after`. */
export function freezeBetween(life: MemberLife, after: number, before: number): Freeze | undefined {
  return life.freezes.find(({ from, until }) => from < before && until > after);
}

function lifeOf(members: Map<string, MemberLife>, name: string): MemberLife {
  let life = members.get(name);
  if (life === undefined) {
    const times = { killedAt: Infinity, toldToLeaveAt: Infinity };
    const program = { inHand: 1, awaitsCommits: false };
    const lists = { tenures: [], freezes: [], refusedCommits: [], commitsAnswered: [] };
    life = { name, ...lists, ...program, ...times };
    members.set(name, life);
  }
  return life;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
