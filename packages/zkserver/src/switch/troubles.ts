// What keeps the switch of a partition from going on, in a sentence for people: who is dead where a majority is needed, and
// what the brokers said that were asked.
import { ZhumqError } from '@zhumq/base';
import { isError } from '@zhumq/model';
import type { PartitionRecord, Replica } from '@zhumq/model';
import { isAvailable } from '../election/fetch-partitions.js';
import type { ClusterView } from '../view/cluster-view.js';
import { majorityOf } from './switched-partition.js';

export class Troubles {
  /** The last failure of each broker, the latest at the end. */
  private readonly failures = new Map<number, unknown>();
  /** Brokers that have done what they were asked for. */
  private readonly done = new Set<number>();

  failed(broker: number, error: unknown): void {
    this.failures.delete(broker);
    this.failures.set(broker, error);
  }

  answered(broker: number): void {
    this.failures.delete(broker);
    this.done.add(broker);
  }

  /** Another step begins; what was done in the one before does not count in it. */
  begin(): void {
    this.done.clear();
  }

  /** As in "it was in phase seal then: ...". */
  text(view: ClusterView, record: PartitionRecord, phase: string): string {
    const voters = votersOf(record);
    const dead = voters.filter((one) => !isAvailable(view, one)).map(({ broker }) => broker);
    const needed = majorityOf(voters.length);
    const alive = voters.length - dead.length;
    if (alive < needed) {
      return `only ${alive} of its ${voters.length} replicas are on live brokers and ${needed} must be (not alive: ${listed(dead)})`;
    }
    const away = dead.length > 0 ? `; not alive: ${listed(dead)}` : '';
    return phase === 'seal' ? `${this.sealText()}${away}` : this.closeText(voters, needed) + away;
  }

  private sealText(): string {
    // That somebody does not lead tells nothing, unless nobody has more to say.
    const telling = [...this.failures].findLast(([, error]) => !isError(error, 'NOT_LEADER'));
    return telling === undefined
      ? 'no replica said that it leads'
      : `broker ${telling[0]} could not seal it: ${textOf(telling[1])}`;
  }

  private closeText(voters: readonly Replica[], needed: number): string {
    const missing = voters.filter(({ broker }) => !this.done.has(broker));
    const said = missing
      .filter(({ broker }) => this.failures.has(broker))
      .map(({ broker }) => `; broker ${broker}: ${textOf(this.failures.get(broker))}`);
    const closed = voters.length - missing.length;
    return `${closed} of its ${voters.length} voters were closed, of ${needed} that must be${said.join('')}`;
  }
}

/** In mode raft who votes; in mode fetch the seal must reach a majority of all replicas. */
function votersOf({ mode, replicas, voters }: PartitionRecord): readonly Replica[] {
  return mode === 'fetch' ? replicas : replicas.filter((one) => voters.includes(one.replicaId));
}

function listed(brokers: readonly number[]): string {
  return `broker${brokers.length === 1 ? '' : 's'} ${brokers.toSorted((one, other) => one - other).join(', ')}`;
}

function textOf(error: unknown): string {
  return ZhumqError.is(error) ? `${error.code}: ${error.message}` : String(error);
}
