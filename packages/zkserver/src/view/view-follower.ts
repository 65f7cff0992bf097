// The view of a standby: read again when a watch fires and from time to time. It is never used to decide anything.
import { Backoff } from '@zhumq/base';
import type { Clock, Logger, Random, Timer } from '@zhumq/base';
import type { MetadataStore } from '@zhumq/metadata';
import type { ClusterView } from './cluster-view.js';
import { ViewReader } from './view-reader.js';

export interface ViewFollowerOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Longest time between two readings. */
  readonly intervalMs: number;
  readonly onView: (view: ClusterView) => void;
}

/** Changes that come together are read together. */
const GATHER_MS = 20;
/** A reading that took long is not repeated sooner than this many times as long after. */
const REST_FACTOR = 4;
const BACKOFF = { minMs: 100, maxMs: 5000 };

export class ViewFollower {
  private readonly reader: ViewReader;
  private readonly backoff: Backoff;
  private timer: Timer | undefined;
  private reading = false;
  private following = false;
  private isOutdated = false;
  private isDueSoon = false;
  private restMs = GATHER_MS;

  constructor(private readonly options: ViewFollowerOptions) {
    const changed = (): void => this.readSoon();
    this.reader = new ViewReader(options.store, { members: changed, topics: changed });
    this.backoff = new Backoff(BACKOFF, options.random);
  }

  start(): void {
    if (this.following) return;
    this.following = true;
    this.isOutdated = this.reading;
    this.read();
  }

  /** Nothing is passed on once it returns. */
  stop(): void {
    this.following = false;
    this.timer?.cancel();
  }

  private readSoon(): void {
    if (this.reading) {
      this.isOutdated = true;
    } else if (!this.isDueSoon) {
      this.isDueSoon = true;
      this.readIn(this.restMs);
    }
  }

  private readIn(delayMs: number): void {
    this.timer?.cancel();
    if (this.following) this.timer = this.options.clock.after(delayMs, () => this.read());
  }

  private read(): void {
    if (this.reading || !this.following) return;
    this.reading = true;
    this.isOutdated = false;
    this.isDueSoon = false;
    const startMs = this.options.clock.monotonicMs();
    this.reader.readAll().then(
      (view) => {
        this.reading = false;
        this.backoff.reset();
        this.restMs = GATHER_MS + REST_FACTOR * (this.options.clock.monotonicMs() - startMs);
        if (this.following) this.options.onView(view);
        this.readIn(this.isOutdated ? this.restMs : this.options.intervalMs);
      },
      (error: unknown) => {
        this.reading = false;
        if (!this.following) return;
        this.options.logger.warn({ err: error }, 'the cluster could not be read; trying again');
        this.readIn(this.backoff.nextMs());
      },
    );
  }
}
