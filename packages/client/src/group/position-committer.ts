// Commits the positions of a member: one request at a time with whatever is handled by then, behind the last message handled
// without a gap. A refusal is told; nothing that was refused counts as committed.
//
// A commit may meet a heartbeat on its way that raises the member's epoch, and is then refused with FENCED_MEMBER although
// the partition is still ours. So a heartbeat has the last word: where it confirms the member, the commit is made again for
// what the member still has.
import { Deadline } from '@zhumq/base';
import type { Clock, ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import { MAX_POSITIONS, errorOf } from '@zhumq/rpc';
import type { GroupPosition, GroupPositionResult } from '@zhumq/rpc';
import type { PartitionReader } from '../consumer/partition-reader.js';
import { asZhumqError } from '../errors.js';
import type { GroupCoordinator } from './group-coordinator.js';
import type { Membership } from './membership.js';

export interface CommitterPort {
  readonly clock: Clock;
  readonly group: string;
  readonly coordinator: GroupCoordinator;
  readonly membership: Membership;
  /** The coordinator says that the partition is not ours. */
  notOwned(reader: PartitionReader, error: ZhumqError): void;
}

interface Wanted {
  readonly reader: PartitionReader;
  readonly position: Committed;
}

export interface Committed {
  readonly offset: number;
  readonly lastEpoch: number;
}

/** Commits that a heartbeat between them confirmed. */
const MAX_ATTEMPTS = 3;

export class PositionCommitter {
  private readonly done = new WeakMap<PartitionReader, Committed>();
  /** Where the group had no position, and this consumer began. */
  private readonly begun = new WeakMap<PartitionReader, number>();
  /** Refused with POSITION_BEHIND: not worth a request before the position has moved. */
  private readonly refused = new WeakMap<PartitionReader, number>();
  private lane: Promise<unknown> = Promise.resolve();

  constructor(private readonly port: CommitterPort) {}

  /** The cluster has this position already. */
  known(reader: PartitionReader, position: Committed): void {
    this.done.set(reader, position);
  }

  /** The group had no position: this is where reading begins. */
  beginsAt(reader: PartitionReader, offset: number): void {
    this.begun.set(reader, offset);
  }

  committed(reader: PartitionReader): number {
    return this.done.get(reader)?.offset ?? -1;
  }

  /** Whether work was done that is not committed. */
  hasWork(reader: PartitionReader): boolean {
    return this.isBehind(reader) && this.begun.get(reader) !== reader.position().offset;
  }

  /** What is to be committed of each: where they are now. */
  workOf(readers: readonly PartitionReader[]): ReadonlyMap<PartitionReader, Committed> {
    const behind = readers.filter((reader) => this.hasWork(reader));
    return new Map(behind.map((reader) => [reader, reader.position()]));
  }

  /** Whether the cluster knows another position, or none. One without any work says where the group began. */
  isBehind(reader: PartitionReader): boolean {
    if (!reader.started) return false;
    const { offset } = reader.position();
    return this.committed(reader) !== offset && this.refused.get(reader) !== offset;
  }

  /** Commits where these readers are when its turn comes; of `at`, where that says. Rejects as the first one failed. */
  commit(
    readers: readonly PartitionReader[],
    deadline: Deadline,
    at?: ReadonlyMap<PartitionReader, Committed>,
  ): Promise<void> {
    const work = this.lane.then(() => this.commitNow(readers, deadline, at));
    this.lane = work.catch(() => undefined);
    return work;
  }

  private async commitNow(
    readers: readonly PartitionReader[],
    deadline: Deadline,
    at: ReadonlyMap<PartitionReader, Committed> | undefined,
  ): Promise<void> {
    let error: ZhumqError | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const wanted = readers
        .filter((reader) => !reader.gone.aborted && (at?.has(reader) ?? this.isBehind(reader)))
        .map((reader) => ({ reader, position: at?.get(reader) ?? reader.position() }));
      if (wanted.length === 0) break;
      error = await this.sendAll(wanted, deadline);
      const fenced = isError(error, 'FENCED_MEMBER') || isError(error, 'UNKNOWN_MEMBER');
      if (!fenced) break;
      const before = this.port.membership.id;
      await this.port.membership.confirm();
      if (this.port.membership.id !== before || !this.port.membership.joined) break;
    }
    if (!isError(error, 'UNKNOWN_MEMBER')) {
      if (error !== undefined) throw error;
    } else throw notMember(this.port.group, error);
  }

  /** Gives the worst of what was refused; sends no more once the coordinator speaks of another moment. */
  private async sendAll(
    wanted: readonly Wanted[],
    deadline: Deadline,
  ): Promise<ZhumqError | undefined> {
    const errors: ZhumqError[] = [];
    for (let from = 0; from < wanted.length; from += MAX_POSITIONS) {
      const error = await this.send(wanted.slice(from, from + MAX_POSITIONS), deadline);
      if (isError(error, 'FENCED_MEMBER') || isError(error, 'UNKNOWN_MEMBER')) return error;
      if (error !== undefined) errors.push(error);
    }
    return worstOf(errors);
  }

  private async send(
    wanted: readonly Wanted[],
    deadline: Deadline,
  ): Promise<ZhumqError | undefined> {
    const { coordinator, membership, group } = this.port;
    const positions = wanted.map(
      ({ reader: { topic, partition }, position: { offset, lastEpoch } }): GroupPosition => ({
        ...{ topic, partition, offset, lastEpoch, metadata: '', committedAt: 0 },
      }),
    );
    let results: readonly GroupPositionResult[];
    try {
      results = await coordinator.persist(
        (client, timeoutMs) => {
          const { token } = membership;
          if (token === undefined) throw notMember(group);
          return client.commitPositions({ group, ...token, positions }, { timeoutMs });
        },
        { deadline, failing: `positions of group ${group} could not be committed` },
      );
    } catch (error) {
      return asZhumqError(error);
    }
    const failures = wanted.flatMap(({ reader, position }, index) => {
      const failure = results.at(index)?.failure;
      const error = failure === undefined ? missing(results, index) : errorOf(failure);
      if (error === undefined) {
        this.done.set(reader, position);
        this.refused.delete(reader);
      } else if (error.code === 'POSITION_BEHIND') this.refused.set(reader, position.offset);
      else if (error.code === 'NOT_OWNED') this.port.notOwned(reader, error);
      return error === undefined ? [] : [error];
    });
    return worstOf(failures);
  }
}

function worstOf(errors: readonly ZhumqError[]): ZhumqError | undefined {
  return errors.find(({ code }) => code !== 'POSITION_BEHIND') ?? errors.at(0);
}

function missing(results: readonly GroupPositionResult[], index: number): ZhumqError | undefined {
  if (index < results.length) return undefined;
  return zhumqError('INVALID_REQUEST', 'the coordinator answered for fewer positions than sent');
}

export function notMember(group: string, cause?: ZhumqError): ZhumqError {
  const text = `this consumer is no member of group ${group} at present; what it had is handled again by whoever gets it`;
  return zhumqError('FENCED_MEMBER', text, { group }, cause);
}
