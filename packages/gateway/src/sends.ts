// send and sendAll: records to the shared producers, bounded in bytes for each connection and for all of them.
import { ZhumqError } from '@zhumq/base';
import type { CounterHandle, Metrics } from '@zhumq/base';
import type { OutgoingMessage, Producer } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
import type { Acks } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type { CallContext, OutgoingRecord, Receipt, SendOptions, SendResult } from '@zhumq/rpc';
import type { ClusterClient } from './cluster-client.js';
import type { GatewayOptions } from './record-gateway.js';
import { checkRecord, checkRecords, checkedAcks } from './request-check.js';
import type { Received } from './request-check.js';

/** What a record costs besides its own bytes, roughly. */
const OVERHEAD_BYTES = 200;
/** Then the event loop gets its turn: the whole broker must not wait for one request. */
const RECORDS_PER_TURN = 256;

export interface SendsParts {
  readonly client: ClusterClient;
  readonly metrics: Metrics;
  readonly options: Pick<GatewayOptions, 'record.send.bytes' | 'record.send.connection.bytes'>;
}

export class Sends {
  private readonly producers = new Map<Acks, Producer>();
  private bytes = 0;
  private readonly bytesOf = new Map<number, number>();
  private readonly stored: CounterHandle;

  constructor(private readonly parts: SendsParts) {
    this.stored = parts.metrics.counter(
      'zhumq_broker_record_sends_total',
      'Records that record-level calls sent and that were acknowledged.',
    );
  }

  async one(
    record: OutgoingRecord,
    how: Received<SendOptions>,
    context: CallContext,
  ): Promise<Receipt> {
    const acks = checkedAcks(how);
    checkRecord(record);
    return this.within(costOf(record), context, async () =>
      this.send(await this.producer(acks), record, how),
    );
  }

  async many(
    records: readonly OutgoingRecord[],
    how: Received<SendOptions>,
    context: CallContext,
  ): Promise<SendResult[]> {
    const acks = checkedAcks(how);
    checkRecords(records);
    const bytes = records.reduce((sum, record) => sum + costOf(record), 0);
    return this.within(bytes, context, async () => {
      const producer = await this.producer(acks);
      const results: Promise<SendResult>[] = [];
      for (const record of records) {
        const result = this.result(producer, record, how);
        // Told by Promise.all, when all have been begun.
        result.catch(() => undefined);
        results.push(result);
        if (results.length % RECORDS_PER_TURN === 0) await nextTurn();
      }
      return Promise.all(results);
    });
  }

  /** Of one record among many: what is wrong with it concerns it alone. */
  private async result(
    producer: Producer,
    record: OutgoingRecord,
    how: Received<SendOptions>,
  ): Promise<SendResult> {
    try {
      checkRecord(record);
      return { receipt: await this.send(producer, record, how) };
    } catch (error) {
      const told = this.parts.client.told(error);
      if (!ZhumqError.is(told)) throw told;
      return { failure: failureOf(told) };
    }
  }

  private async send(
    producer: Producer,
    record: OutgoingRecord,
    { timeoutMs }: Received<SendOptions>,
  ): Promise<Receipt> {
    const sent = producer.send(record.topic, messageOf(record), { timeout: timeoutMs });
    const { topic, partition, offset, timestamp, duplicate } = await sent;
    this.stored.inc();
    return { topic, partition, offset, timestamp, duplicate };
  }

  private async producer(acks: Acks): Promise<Producer> {
    const client = await this.parts.client.get();
    let producer = this.producers.get(acks);
    if (producer === undefined) {
      const maxBuffered = this.parts.options['record.send.bytes'];
      producer = client.producer({ acks, maxBuffered, whenFull: 'throw' });
      this.producers.set(acks, producer);
    }
    return producer;
  }

  /** One request is taken even if it alone is larger than a bound. */
  private async within<T>(
    bytes: number,
    { connectionId, remoteAddress }: CallContext,
    work: () => Promise<T>,
  ): Promise<T> {
    const { options } = this.parts;
    const own = this.bytesOf.get(connectionId) ?? 0;
    const ofConnection = 'record.send.connection.bytes';
    const who = `the connection from ${remoteAddress}`;
    checkRoom(who, own, bytes, ofConnection, options[ofConnection]);
    checkRoom('this broker', this.bytes, bytes, 'record.send.bytes', options['record.send.bytes']);
    this.bytes += bytes;
    this.bytesOf.set(connectionId, own + bytes);
    try {
      return await work();
    } finally {
      this.bytes -= bytes;
      const left = (this.bytesOf.get(connectionId) ?? bytes) - bytes;
      if (left > 0) this.bytesOf.set(connectionId, left);
      else this.bytesOf.delete(connectionId);
    }
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function checkRoom(who: string, held: number, bytes: number, option: string, limit: number): void {
  if (held === 0 || held + bytes <= limit) return;
  const text = `${who} has ${held} bytes of records that are not answered, and may have ${limit} (${option}); wait for answers, then send again`;
  throw zhumqError('OVERLOADED', text, { held, bytes, limit });
}

function costOf({ key, value, headers = [] }: OutgoingRecord): number {
  const extra = headers.reduce(
    (sum, { name, value: content }) => sum + name.length + (content?.length ?? 0),
    0,
  );
  return OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + extra;
}

function messageOf(record: OutgoingRecord): OutgoingMessage {
  const { key = null, value = null, headers, partition, timestamp } = record;
  return {
    ...{ key, value, partition, timestamp },
    headers: headers?.map(({ name, value: content = null }) => [name, content] as const),
  };
}
