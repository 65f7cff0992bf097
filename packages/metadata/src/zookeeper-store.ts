// The metadata store on a ZooKeeper ensemble, over node-zookeeper-client.
import { Backoff, formatHostPort } from '@zhumq/base';
import type { Clock, Random } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { parseConnectionString } from './connection-string.js';
import { LinkedStore } from './linked-store.js';
import { ZooKeeperLink } from './zookeeper-link.js';

export interface ZooKeeperStoreOptions {
  /** LIST[/chroot], for example `zk1:2181,zk2:2181,[::1]:2181/zhumq`. A missing chroot is created. */
  readonly connectionString: string;
  readonly clock: Clock;
  readonly random: Random;
  /** What we ask for; the ensemble has bounds of its own. Default 6 s. */
  readonly sessionTimeoutMs?: number;
  /** Default 10 s. */
  readonly operationTimeoutMs?: number;
}

const DEFAULT_SESSION_TIMEOUT_MS = 6_000;
const SESSION_TIMEOUT_LEAST_MS = 500;
const RECONNECT_PAUSE_MS = { minMs: 50, maxMs: 1_000 };

/** Connects at once and for ever; INVALID_OPTION for a connection string or timeout that can not be. */
export class ZooKeeperStore extends LinkedStore {
  constructor(options: ZooKeeperStoreOptions) {
    const { servers, chroot } = parseConnectionString(options.connectionString);
    const { clock, random, sessionTimeoutMs = DEFAULT_SESSION_TIMEOUT_MS } = options;
    if (!(sessionTimeoutMs >= SESSION_TIMEOUT_LEAST_MS)) {
      throw zhumqError(
        'INVALID_OPTION',
        `A session timeout of ${sessionTimeoutMs} ms is below the least one, ${SESSION_TIMEOUT_LEAST_MS} ms`,
        { sessionTimeoutMs },
      );
    }
    const first = random.below(servers.length);
    const rotated = [...servers.slice(first), ...servers.slice(0, first)];
    super(
      (events) => {
        const backoff = new Backoff(RECONNECT_PAUSE_MS, random);
        const link = { servers: rotated, chroot, sessionTimeoutMs, clock, backoff };
        return new ZooKeeperLink(link, events);
      },
      { ...options, place: `ZooKeeper at ${servers.map(formatHostPort).join(', ')}${chroot}` },
    );
  }
}
