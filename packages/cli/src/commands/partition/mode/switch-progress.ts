// What a person sees of a switch under way, on standard error: in place on a terminal, elsewhere a line for each step; and
// how long each partition took.
import type { PartitionSwitch } from '@zhumq/client';
import { SILENCE_MS } from '../../../waiting.js';

/** A step that takes long is told of again after this long. */
const AGAIN_MS = 10_000;
const IN_PLACE_MS = 200;
/** Steps that are named on a terminal, before the others are only counted. */
const NAMED = 3;

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): void;
}

export class SwitchProgress {
  private known: readonly PartitionSwitch[] = [];
  private readonly beganMs = new Map<number, number>();
  private readonly endedMs = new Map<number, number>();
  private readonly startedMs: number;
  private toldMs: number;
  private drawn = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly topic: string,
    private readonly output: ProgressOutput = process.stderr,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.startedMs = this.toldMs = nowMs();
    this.timer = setInterval(() => this.tick(), IN_PLACE_MS);
  }

  /** Where all partitions stand now. */
  show(states: readonly PartitionSwitch[]): void {
    const now = this.nowMs();
    states.forEach((one, index) => {
      const { partition, state, ended } = one;
      const before = this.known.at(index);
      // Who waits for others has not begun; what has ended by the first answer had nothing to do.
      if (state !== 'waiting' && !this.beganMs.has(partition)) {
        this.beganMs.set(partition, before === undefined && !ended ? this.startedMs : now);
      }
      if (ended && !this.endedMs.has(partition)) this.endedMs.set(partition, now);
      if (state !== before?.state) this.tell(one);
    });
    this.known = states;
    if (this.output.isTTY === true) this.draw(now);
  }

  /** From the beginning to the end of one partition; undefined while it has none. */
  durationMs(partition: number): number | undefined {
    const ended = this.endedMs.get(partition);
    const began = this.beganMs.get(partition) ?? this.startedMs;
    return ended === undefined ? undefined : Math.round(ended - began);
  }

  end(): void {
    clearInterval(this.timer);
    if (this.drawn) this.output.write('\r\x1b[K');
  }

  private tell({ partition, state, reason, mode, generation }: PartitionSwitch): void {
    if (this.output.isTTY === true) return;
    this.toldMs = this.nowMs();
    const tookMs = this.durationMs(partition);
    const details =
      tookMs === undefined ? '' : ` (mode ${mode}, generation ${generation}, ${tookMs} ms)`;
    // What ended without getting there has its sentence at the end.
    const why = reason === '' || tookMs !== undefined ? '' : `: ${reason}`;
    this.output.write(`${this.topic}-${partition} ${state}${details}${why}\n`);
  }

  private tick(): void {
    const now = this.nowMs();
    if (this.output.isTTY === true) return this.draw(now);
    const quietMs = this.toldMs === this.startedMs ? SILENCE_MS : AGAIN_MS;
    if (now - this.toldMs < quietMs) return;
    this.toldMs = now;
    this.output.write(`zhumq: waiting for ${this.line(now)} ...\n`);
  }

  private draw(now: number): void {
    this.drawn = true;
    const line = this.line(now).slice(0, Math.max(20, (this.output.columns ?? 80) - 1));
    this.output.write(`\r\x1b[K${line}`);
  }

  /** `orders: 2 of 12 done; orders-3 close, orders-4 seal; 7 waiting; 3 s`. */
  private line(now: number): string {
    const { topic, known } = this;
    const seconds = Math.round((now - this.startedMs) / 1000);
    if (known.length === 0) return `the switch of ${topic} to begin, for ${seconds} s`;
    const count = (wanted: string): number => known.filter(({ state }) => state === wanted).length;
    const failed = count('refused') + count('given-up');
    const open = known.filter(({ state, ended }) => !ended && state !== 'waiting');
    const named = open
      .slice(0, NAMED)
      .map(({ partition, state }) => `${topic}-${partition} ${state}`);
    if (open.length > NAMED) named.push(`${open.length - NAMED} more`);
    const parts = [
      `${topic}: ${count('done')} of ${known.length} done`,
      ...(failed > 0 ? [`${failed} not possible`] : []),
      ...(named.length > 0 ? [named.join(', ')] : []),
      ...(count('waiting') > 0 ? [`${count('waiting')} waiting`] : []),
    ];
    return `${parts.join('; ')}; ${seconds} s`;
  }
}
