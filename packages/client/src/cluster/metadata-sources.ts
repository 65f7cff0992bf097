// Asks for metadata: any server will do. One that is slow to answer gets company by the next one; one that failed, or
// was that slow, is asked last for a while; the first answer counts.
import { formatHostPort } from '@zhumq/base';
import type { Clock, HostPort, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { brokerClient } from '@zhumq/rpc';
import type { ChannelPool, ClusterMetadata } from '@zhumq/rpc';
import { asZhumqError } from '../errors.js';

/** So long a server is waited for alone. */
const HEDGE_MS = 500;
const ASK_TIMEOUT_MS = 5000;
/** So long a server that failed or was silent is asked last. */
const AVOID_MS = 5000;

export class MetadataSources {
  private readonly avoidUntilMs = new Map<string, number>();
  private turn = 0;

  constructor(
    private readonly pool: ChannelPool,
    private readonly clock: Clock,
  ) {}

  /**
   * Rejects with CONNECTION_REFUSED when all failed; its message says why, for each address. `first`: who is asked before
   * the others, whether it is slow or not.
   */
  async ask(
    addresses: readonly HostPort[],
    topics: readonly string[] | undefined,
    first?: HostPort,
  ): Promise<ClusterMetadata> {
    const failures = new Map<string, ZhumqError>();
    const isFirst = (one: HostPort): boolean => first !== undefined && sameAddress(one, first);
    const others = this.inOrder(addresses).filter((one) => !isFirst(one));
    const queue = first === undefined ? others : [first, ...others];
    return new Promise((resolve, reject) => {
      let open = 0;
      let done = false;
      const next = (): void => {
        const address = done ? undefined : queue.shift();
        if (address === undefined) {
          if (!done && open === 0) reject(allFailed(failures));
          return;
        }
        open++;
        const hedge = this.clock.after(HEDGE_MS, () => {
          this.avoid(address);
          next();
        });
        this.askOne(address, topics)
          .then(
            (metadata) => {
              done = true;
              resolve(metadata);
            },
            (error: unknown) => void failures.set(formatHostPort(address), asZhumqError(error)),
          )
          .finally(() => {
            open--;
            hedge.cancel();
            next();
          });
      };
      next();
    });
  }

  /** The answer of this server, which is asked first again when it gave one. */
  async askOne(address: HostPort, topics: readonly string[] | undefined): Promise<ClusterMetadata> {
    const client = brokerClient(this.pool.channel(address));
    const request = { topics: topics && [...topics] };
    try {
      const metadata = await client.metadata(request, { timeoutMs: ASK_TIMEOUT_MS });
      this.avoidUntilMs.delete(formatHostPort(address));
      return metadata;
    } catch (error) {
      this.avoid(address);
      throw error;
    }
  }

  /** Asks a server last for a while. */
  avoid(address: HostPort): void {
    this.avoidUntilMs.set(formatHostPort(address), this.clock.monotonicMs() + AVOID_MS);
  }

  /** Another one begins each time, so that one server that lags behind does not decide alone. */
  private inOrder(addresses: readonly HostPort[]): HostPort[] {
    const now = this.clock.monotonicMs();
    for (const [name, untilMs] of this.avoidUntilMs) {
      if (untilMs <= now) this.avoidUntilMs.delete(name);
    }
    const start = this.turn++ % addresses.length;
    const turned = [...addresses.slice(start), ...addresses.slice(0, start)];
    const avoided = (address: HostPort): boolean => this.avoidUntilMs.has(formatHostPort(address));
    return [...turned.filter((one) => !avoided(one)), ...turned.filter(avoided)];
  }
}

function sameAddress(one: HostPort, other: HostPort): boolean {
  return one.host === other.host && one.port === other.port;
}

function allFailed(failures: ReadonlyMap<string, ZhumqError>): ZhumqError {
  const reasons = [...failures].map(([name, error]) => `${name}: ${error.message}`);
  return zhumqError(
    'CONNECTION_REFUSED',
    `no server answered (${reasons.join('; ')})`,
    { addresses: [...failures.keys()].join(',') },
    [...failures.values()].at(-1),
  );
}
