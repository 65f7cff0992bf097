// Serves RecordService at a broker: batches, leaders, groups and retries are the business of a client of its own, which is
// made at the first call and finds the cluster through this broker. What belongs to a connection ends with it.
import type { Clock, HostPort, Logger, Metrics, Random } from '@zhumq/base';
import type { CallContext, RecordHandler, Transport } from '@zhumq/rpc';
import type { ClientEnvironment } from '@zhumq/client';
import { ClusterClient } from './cluster-client.js';
import { Members } from './members.js';
import { received } from './request-check.js';
import { Sends } from './sends.js';

/** The options of a broker that concern the record-level API. */
export interface GatewayOptions {
  readonly 'record.members.max': number;
  readonly 'record.unacked.max': number;
  readonly 'record.prefetch.bytes': number;
  readonly 'record.send.bytes': number;
  readonly 'record.send.connection.bytes': number;
  readonly 'delivery.heartbeat.ms': number;
  readonly 'request.max.bytes': number;
}

export interface RecordGatewayParts {
  readonly options: GatewayOptions;
  /** Where the broker listens; asked at the first call. */
  readonly address: () => HostPort;
  readonly clock: Clock;
  readonly random?: Random;
  /** TCP when absent. */
  readonly transport?: Transport | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What the client has in place of this clock, randomness and transport. */
  readonly ofClient?: ClientEnvironment;
}

export class RecordGateway {
  readonly handler: RecordHandler;
  private readonly client: ClusterClient;
  private readonly members: Members;

  constructor(parts: RecordGatewayParts) {
    const { options, address, clock, logger, metrics } = parts;
    this.client = new ClusterClient(address, logger, parts.ofClient ?? parts);
    const { client } = this;
    const sends = new Sends({ client, metrics, options });
    this.members = new Members({ client, clock, logger, metrics, options });
    const { members } = this;
    this.handler = {
      send: (record, how, context) => this.told(sends.one(record, received(how), context)),
      sendAll: (records, how, context) => this.told(sends.many(records, received(how), context)),
      receive: (request, context) => this.told(members.receive(received(request), context)),
      ack: (group, records, context) => this.told(members.ack(group, records, context)),
      leave: (group, context) => this.told(members.leave(group, context)),
      subscribe: (request, context) => this.told(members.subscribe(received(request), context)),
      acknowledge: (records, context: CallContext) => members.acknowledge(records, context),
    };
  }

  /** Refuses new calls; members leave their groups, so that others need not wait for a session to end. */
  async close(timeoutMs: number): Promise<void> {
    this.client.stop();
    await this.members.close(timeoutMs);
    await this.client.close(timeoutMs);
  }

  private told<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      throw this.client.told(error);
    });
  }
}
