// Brings metadata up to date, one request at a time: whoever asks while one is under way shares the next. Requests that
// follow each other wait a little longer each time, until one of them brought news.
import { delay } from '@zhumq/base';
import type { Clock, Random } from '@zhumq/base';
import { QuickBackoff } from '../retry-schedule.js';

const MAX_WAIT_MS = 500;
/** After so long without any request the next one goes at once. */
const CALM_MS = 2000;

interface Round {
  readonly topics: Set<string>;
  readonly ended: Promise<void>;
  readonly end: (error?: unknown) => void;
}

export class MetadataRefresher {
  private readonly backoff: QuickBackoff;
  private next: Round | undefined;
  private running = false;
  private lastEndMs = -Infinity;

  constructor(
    /** Fetches and applies; resolves to whether that changed anything. */
    private readonly fetch: (topics: ReadonlySet<string>) => Promise<boolean>,
    private readonly clock: Clock,
    random: Random,
    private readonly stopping: AbortSignal,
  ) {
    this.backoff = new QuickBackoff(MAX_WAIT_MS, random);
  }

  /** Resolves when a request that began after this call has ended; rejects as it does. */
  refresh(topics: Iterable<string>): Promise<void> {
    this.next ??= newRound();
    const { next } = this;
    for (const topic of topics) next.topics.add(topic);
    if (!this.running) void this.run();
    return next.ended;
  }

  private async run(): Promise<void> {
    this.running = true;
    // What is asked for in the same tick goes together.
    await Promise.resolve();
    while (this.next !== undefined) {
      if (this.clock.monotonicMs() - this.lastEndMs > CALM_MS) this.backoff.reset();
      else await delay(this.clock, this.backoff.nextMs(), this.stopping).catch(() => undefined);
      const round = this.next;
      this.next = undefined;
      try {
        if (await this.fetch(round.topics)) this.backoff.reset();
        round.end();
      } catch (error) {
        round.end(error);
      }
      this.lastEndMs = this.clock.monotonicMs();
    }
    this.running = false;
  }
}

function newRound(): Round {
  let end!: (error?: unknown) => void;
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error as Error));
  });
  // Many only want it to happen.
  ended.catch(() => undefined);
  return { topics: new Set(), ended, end };
}
