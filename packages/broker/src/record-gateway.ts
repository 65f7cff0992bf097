// What the broker needs of the record-level API, which is made elsewhere: it stands on the client library.
import type { Clock, HostPort, Logger, Metrics, Random } from '@zhumq/base';
import type { RecordHandler, Transport } from '@zhumq/rpc';
import type { BrokerOptions } from './options.js';

export interface RecordGateway {
  readonly handler: RecordHandler;
  /** Ends all reading and sending; resolves after about `timeoutMs` at the latest. */
  close(timeoutMs: number): Promise<void>;
}

export interface RecordGatewayParts {
  readonly options: BrokerOptions;
  /** Where this broker listens; known when calls come. */
  readonly address: () => HostPort;
  readonly clock: Clock;
  readonly random: Random;
  /** TCP when undefined. */
  readonly transport: Transport | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export type MakeRecordGateway = (parts: RecordGatewayParts) => RecordGateway;
