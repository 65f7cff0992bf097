// A connection as a member of a group, or as a reader without one: a consumer of the client library and the records that
// the connection has and did not acknowledge. The group's position in a partition is before the first of these.
import type { Clock, ZhumqError } from '@zhumq/base';
import type { Client, Consumer, Message } from '@zhumq/client';
import { isError, zhumqError } from '@zhumq/model';
import type { ReceivedRecord, RecordId } from '@zhumq/rpc';
import { recordOf, sizeOf } from './records.js';
import { invalid } from './request-check.js';
import { Unacknowledged } from './unacknowledged.js';

const COMMIT_TIMEOUT_MS = 15_000;
/** Of the member with its group's coordinator: so long the group waits when this broker dies. */
const SESSION_TIMEOUT_MS = 6_000;

export interface MemberSettings {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly start: number;
  readonly resumeAfterLoss: boolean;
  /** For people who look at the group. */
  readonly clientId: string;
  readonly prefetchBytes: number;
  readonly maxUnacked: number;
  /** Of an answer, and of one record. */
  readonly maxBytes: number;
}

export interface Limits {
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly waitMs: number;
}

export class Member {
  /** Called when there are fewer records that are not acknowledged. */
  roomMade: () => void = () => undefined;
  private readonly consumer: Consumer;
  private readonly unacknowledged = new Unacknowledged();
  private heardMs: number;
  private calls = 0;
  private taking = false;
  private committing: Promise<void> = Promise.resolve();
  private nextCommit: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    client: Client,
    readonly settings: MemberSettings,
    private readonly clock: Clock,
  ) {
    this.heardMs = clock.monotonicMs();
    this.consumer = openConsumer(client, settings);
    this.consumer.on('revoked', ({ topic, partitions }) => {
      for (const partition of partitions) this.unacknowledged.forget(topic, partition);
      this.roomMade();
    });
  }

  get unackedRecords(): number {
    return this.unacknowledged.count;
  }

  get unackedBytes(): number {
    return this.unacknowledged.bytes;
  }

  // ---- is anybody there -------------------------------------------------------------------------------------------

  heard(): void {
    this.heardMs = this.clock.monotonicMs();
  }

  get silent(): boolean {
    const sinceMs = this.clock.monotonicMs() - this.heardMs;
    return this.calls === 0 && sinceMs > this.settings.sessionTimeoutMs;
  }

  /** A call of the connection: while it runs, the connection is not silent. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.calls++;
    try {
      return await call();
    } finally {
      this.calls--;
      this.heard();
    }
  }

  // ---- records ----------------------------------------------------------------------------------------------------

  /** The next records; none when the time was up. */
  async take({ maxRecords, maxBytes, waitMs }: Limits): Promise<ReceivedRecord[]> {
    if (this.taking) {
      throw invalid('a receive of this connection is under way; wait for its answer');
    }
    const room = this.room();
    this.taking = true;
    try {
      const max = Math.min(maxRecords, room);
      const limit = Math.min(maxBytes, this.settings.maxBytes);
      const taken = await this.consumer.take({ max, maxBytes: limit, wait: waitMs });
      for (const { message } of taken) this.checkSize(message);
      return taken.map(({ message, handling }) => {
        const { topic, partition, offset } = message;
        const id = { topic, partition, offset };
        if (this.acknowledges) this.unacknowledged.add({ id, bytes: sizeOf(message), handling });
        else handling.done();
        return recordOf(message);
      });
    } finally {
      this.taking = false;
    }
  }

  /** Where nothing is committed, only what is pushed is acknowledged: for credit. */
  private get acknowledges(): boolean {
    return this.settings.group !== '' || this.settings.maxUnacked < Infinity;
  }

  /** What no answer can carry is not passed over: the program is told, again and again, until somebody sees to it. */
  private checkSize(message: Message): void {
    const { maxBytes } = this.settings;
    const bytes = sizeOf(message);
    if (bytes <= maxBytes) return;
    const { topic, partition, offset } = message;
    const text = `the record at offset ${offset} of ${topic}-${partition} has ${bytes} bytes, more than the ${maxBytes} that fit into an answer (half of request.max.bytes); read it with the client library, or raise the option`;
    throw zhumqError('MESSAGE_TOO_LARGE', text, { topic, partition, offset, bytes, maxBytes });
  }

  private room(): number {
    const { group, maxUnacked } = this.settings;
    if (!this.acknowledges || this.unacknowledged.count < maxUnacked) {
      return maxUnacked - this.unacknowledged.count;
    }
    this.forgetCommitted();
    const room = maxUnacked - this.unacknowledged.count;
    if (room > 0) return room;
    const text = `this connection has ${maxUnacked} records of group ${group} that are not acknowledged (record.unacked.max); acknowledge them, then receive more`;
    throw zhumqError('UNACKED_FULL', text, { group, unacked: maxUnacked });
  }

  /** What could not be committed when it was acknowledged may be by now: the next commit takes it along. */
  forgetCommitted(): void {
    const before = this.unacknowledged.count;
    for (const one of [...this.unacknowledged.all()]) {
      if (one.handling.committed) this.unacknowledged.remove(one);
    }
    if (this.unacknowledged.count < before) this.roomMade();
  }

  /** Resolves when what is acknowledged is committed. Rejects with FENCED_MEMBER for what is not this member's any more. */
  async acknowledge(ids: readonly RecordId[]): Promise<void> {
    const lost: RecordId[] = [];
    const acked = ids.flatMap((id) => {
      const found = this.unacknowledged.find(id);
      if (found === undefined && !this.unacknowledged.isAcknowledged(id)) lost.push(id);
      return found ?? [];
    });
    for (const { handling } of acked) handling.done();
    const failure = await this.commit(acked.length > 0);
    let kept = 0;
    for (const one of acked) {
      const { committed, lost: gone } = one.handling;
      if (gone && !committed && this.settings.group !== '') lost.push(one.id);
      // Without a failure the group is further already.
      else if (!committed && failure !== undefined) kept++;
      if (committed || gone || failure === undefined) this.unacknowledged.remove(one);
    }
    this.roomMade();
    if (lost.length > 0) throw new NotHeld(lost, this.settings.group);
    if (kept > 0) throw failure as Error;
  }

  /** What was said to be handled before this call is committed when it resolves; gives what went wrong. */
  private async commit(worth: boolean): Promise<unknown> {
    if (!worth || this.settings.group === '') return undefined;
    this.nextCommit ??= this.committing
      .catch(() => undefined)
      .then(() => {
        this.nextCommit = undefined;
        this.committing = this.consumer.commit(undefined, { timeout: COMMIT_TIMEOUT_MS });
        return this.committing;
      });
    try {
      await this.nextCommit;
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Leaves the group; never rejects. */
  close(timeoutMs: number): Promise<void> {
    this.closing ??= this.consumer.close({ timeout: timeoutMs }).catch(() => undefined);
    return this.closing;
  }
}

/** FENCED_MEMBER for these records. */
export class NotHeld extends Error {
  readonly error: ZhumqError;

  constructor(
    readonly records: readonly RecordId[],
    group: string,
  ) {
    const [{ topic, partition, offset }] = records;
    const more = records.length > 1 ? ` and ${records.length - 1} more` : '';
    const text = `the record at offset ${offset} of ${topic}-${partition}${more} is not this connection's to acknowledge: its partition went to another member, or the connection was silent for too long; whoever has it handles it again. All others are acknowledged`;
    super(text);
    const context = { group, topic, partition, offset, records: records.length };
    this.error = zhumqError('FENCED_MEMBER', text, context);
  }
}

function openConsumer(client: Client, settings: MemberSettings): Consumer {
  const { group, topics, start, resumeAfterLoss, clientId, prefetchBytes } = settings;
  const reading = {
    from: start === -2 ? 'earliest' : start === -1 ? 'latest' : new Date(start),
    onOutOfRange: resumeAfterLoss ? 'earliest' : 'error',
    onTruncated: resumeAfterLoss ? 'resume' : 'error',
    prefetchBytes,
    maxBytes: Math.max(prefetchBytes, 2 ** 16),
  } as const;
  if (group === '') return client.consumer({ topic: topics[0], ...reading });
  return client.consumer({
    topics,
    group,
    clientId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    ...reading,
  });
}

/** Whether the member can go on after a call of it failed so. */
export function isHarmless(error: unknown): boolean {
  return isError(error, 'UNACKED_FULL') || isError(error, 'INVALID_REQUEST');
}
