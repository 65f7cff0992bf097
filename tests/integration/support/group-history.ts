// What was done to a consumer group and what its members, its producers and its observers saw, in one order: the only thing
// that check-group-history.ts judges. Times are milliseconds of the machine's monotonic clock, the same for all processes.
import { readFileSync } from 'node:fs';

/** One life of a member process; each life has a name of its own. */
interface OfMember {
  readonly member: string;
}

export type GroupFact =
  /** A producer was told that this message is stored. */
  | { readonly kind: 'acked'; readonly partition: number; readonly offset: number }
  /** A reader without a group was given it: what changes of members can not delay. */
  | {
      readonly kind: 'seen';
      readonly reader: string;
      readonly partition: number;
      readonly offset: number;
    }
  /** The group's committed position, as an observer was told it. */
  | { readonly kind: 'position'; readonly partition: number; readonly offset: number }
  /** The group as its coordinator described it. */
  | { readonly kind: 'described'; readonly members: readonly DescribedMember[] }
  // What was done.
  | (OfMember & { readonly kind: 'started' | 'told to leave' | 'killed' | 'frozen' | 'continued' })
  | (OfMember & { readonly kind: 'ended'; readonly code: number | null })
  /** `leads`: partitions that the broker led when it got its SIGKILL. */
  | { readonly kind: 'broker killed'; readonly broker: number; readonly leads: readonly number[] }
  | { readonly kind: 'broker back'; readonly broker: number }
  // What members said.
  /** `inHand`: messages of a partition that its program may have. `awaitsCommits`: it handles the next ones after the commit. */
  | (OfMember & {
      readonly kind: 'joining';
      readonly inHand: number;
      readonly awaitsCommits: boolean;
    })
  | (OfMember & { readonly kind: 'assigned'; readonly partitions: readonly number[] })
  | (OfMember & {
      readonly kind: 'revoked';
      readonly partitions: readonly number[];
      readonly lost: boolean;
    })
  | (OfMember & { readonly kind: 'handled'; readonly partition: number; readonly offset: number })
  /** A commit that began at `began` was confirmed: offsets of the next messages. */
  | (OfMember & {
      readonly kind: 'committed';
      readonly began: number;
      readonly positions: readonly { readonly partition: number; readonly offset: number }[];
    })
  | (OfMember & { readonly kind: 'commit refused' | 'fenced' | 'failed'; readonly code: string })
  | (OfMember & { readonly kind: 'blocked'; readonly delayMs: number });

export type GroupEvent = GroupFact & { readonly at: number };

export interface DescribedMember {
  readonly memberId: string;
  /** Name that the member gave itself. */
  readonly clientId: string;
  readonly term: number;
  readonly counter: number;
  readonly owned: readonly number[];
}

/** Same clock as `process.hrtime` of all other processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class GroupHistory {
  private readonly events: GroupEvent[] = [];

  record(fact: GroupFact, at = monotonicMs()): void {
    this.events.push({ ...fact, at });
  }

  /** Takes in what a member wrote, one JSON object in each line; the last one may be cut off by a kill. */
  readFile(file: string): void {
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      if (line === '') continue;
      try {
        this.events.push(JSON.parse(line) as GroupEvent);
      } catch (error) {
        if (index < lines.length - 1) throw error;
      }
    }
  }

  /** By time; of what happened at once, in the order of recording. */
  inOrder(): GroupEvent[] {
    return this.events.toSorted((one, other) => one.at - other.at);
  }

  count(kind: GroupEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }
}
