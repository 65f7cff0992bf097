// What fetches and serves fetches on a broker: the sessions in both directions, and their settings.
import type { Clock, Logger, Random } from '@zhumq/base';
import type { LogStore } from '@zhumq/log';
import { connectChannel } from '@zhumq/rpc';
import type { RpcChannel, Transport } from '@zhumq/rpc';
import type { BrokerMetrics } from '../../metrics.js';
import type { BrokerOptions } from '../../options.js';
import type { PartitionRegistry } from '../../partition/partition-registry.js';
import type { EndOfTick } from '../end-of-tick.js';
import type { PeerAddress, RaftTransport } from '../raft/raft-transport.js';
import { FetchSessions } from './fetch-sessions.js';
import type { FetchTimings } from './fetch-replicator.js';
import { Fetchers } from './fetchers.js';
import { Throttle } from '../throttle.js';

export interface FetchParts {
  readonly fetchTimings: FetchTimings;
  /** What this broker follows. */
  readonly leaderLinks: Fetchers;
  /** Who follows here. */
  readonly waitingFollowers: FetchSessions;
  /** For what is sent to those that are not in sync. */
  readonly throttle: Throttle;
  close(): void;
}

export interface FetchPartsOptions {
  readonly brokerId: number;
  readonly store: Pick<LogStore, 'incarnation' | 'clusterId' | 'pendingBytes'>;
  readonly registry: PartitionRegistry;
  readonly options: FetchSettings;
  readonly transport: Pick<RaftTransport, 'addressOf' | 'brokerOf'>;
  readonly endOfTick: EndOfTick;
  /** Makes the connection to a leader; by default over TCP. */
  readonly connect?: (address: PeerAddress) => RpcChannel;
  /** How connections are made; TCP when undefined. */
  readonly tcp?: Transport | undefined;
  /** Largest message in either direction. */
  readonly maxFrameBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Pick<BrokerMetrics, 'fetchedBytes' | 'fetchSentBytes'>;
}

export type FetchSettings = Pick<
  BrokerOptions,
  | 'raft.tick.ms'
  | 'replica.lag.time.max.ms'
  | 'fetch.wait.max.ms'
  | 'fetch.max.bytes'
  | 'replication.throttle.bytes.per.second'
  | 'write.pending.max.bytes'
>;

export function fetchParts(parts: FetchPartsOptions): FetchParts {
  const { store, options, clock, transport, metrics, maxFrameBytes } = parts;
  const lagMs = options['replica.lag.time.max.ms'];
  const tickMs = options['raft.tick.ms'];
  // A follower that says nothing for a whole wait is alive all the same.
  const maxWaitMs = Math.min(options['fetch.wait.max.ms'], lagMs / 4);
  const maxBytes = options['fetch.max.bytes'];
  const { incarnation } = store;
  const overTcp = ({ host, port }: PeerAddress): RpcChannel =>
    connectChannel({
      ...parts.tcp,
      ...{ host, port, clock, maxFrameBytes, random: parts.random, logger: parts.logger },
      maxBufferedBytes: maxFrameBytes * 2,
      silenceTimeoutMs: maxWaitMs + SILENCE_MARGIN_MS,
    });
  const leaderLinks = new Fetchers({
    ...parts,
    incarnation,
    clusterId: () => store.clusterId,
    addressOf: (brokerId) => transport.addressOf(brokerId),
    brokerOf: (replicaId) => transport.brokerOf(replicaId),
    connect: parts.connect ?? overTcp,
    congested: () => store.pendingBytes > options['write.pending.max.bytes'],
    maxWaitMs,
    maxBytes,
    onFetched: (bytes) => metrics.fetchedBytes.inc(bytes),
  });
  const throttle = new Throttle(options['replication.throttle.bytes.per.second'], clock);
  const waitingFollowers = new FetchSessions({
    ...parts,
    incarnation,
    brokerOf: (replicaId) => transport.brokerOf(replicaId),
    // Followers have options of their own.
    maxWaitMs: MAX_WAIT_MS,
    maxBytes,
    throttle,
    onSent: (bytes) => metrics.fetchSentBytes.inc(bytes),
  });
  return {
    fetchTimings: {
      lagTicks: Math.max(Math.ceil(lagMs / tickMs), 1),
      retryTicks: Math.max(Math.ceil(RETRY_MS / tickMs), 1),
    },
    leaderLinks,
    waitingFollowers,
    throttle,
    close: () => {
      leaderLinks.close();
      waitingFollowers.close();
    },
  };
}

/** What was asked of the zkserver, or refused by it, is asked again. */
const RETRY_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** A leader whose answer is so late is asked over another connection. */
const SILENCE_MARGIN_MS = 2_000;
