// Everything that this broker follows, by the broker that leads it: one fetch session for each of those.
import type { FetchFollower, FetcherOptions } from './fetcher.js';
import { Fetcher } from './fetcher.js';
import type { LeaderLinks } from './fetch-ports.js';

export interface FetchersOptions extends FetcherOptions {
  /** Broker that holds a replica. */
  readonly brokerOf: (replicaId: string) => number | undefined;
}

export class Fetchers implements LeaderLinks {
  private readonly fetchers = new Map<number, Fetcher>();
  private readonly fetcherOf = new Map<FetchFollower, Fetcher>();
  private closed = false;

  constructor(private readonly options: FetchersOptions) {}

  follow(follower: FetchFollower, leader: string | undefined): void {
    const before = this.fetcherOf.get(follower);
    const broker = leader === undefined ? undefined : this.options.brokerOf(leader);
    const fetcher = broker === undefined || this.closed ? undefined : this.fetcher(broker);
    if (before !== undefined && before !== fetcher) {
      before.unfollow(follower);
      this.fetcherOf.delete(follower);
    }
    if (fetcher === undefined || leader === undefined) return;
    this.fetcherOf.set(follower, fetcher);
    fetcher.follow(follower, leader);
  }

  changed(follower: FetchFollower): void {
    this.fetcherOf.get(follower)?.positionChanged(follower);
  }

  close(): void {
    this.closed = true;
    for (const fetcher of this.fetchers.values()) fetcher.close();
    this.fetchers.clear();
    this.fetcherOf.clear();
  }

  private fetcher(broker: number): Fetcher {
    let fetcher = this.fetchers.get(broker);
    if (fetcher === undefined)
      this.fetchers.set(broker, (fetcher = new Fetcher(broker, this.options)));
    return fetcher;
  }
}
