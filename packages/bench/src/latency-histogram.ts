// Latencies in a fixed number of counters, after HdrHistogram (Gil Tene): linear below 2^7 us, above that 64 steps for
// each power of two, so that every value is kept to better than 1.6 %. Histograms of several processes add up.

const LINEAR_BITS = 7;
const STEPS = 1 << (LINEAR_BITS - 1);
/** 2^36 us are 19 hours. */
const MAX_BITS = 36;
const COUNTERS = (1 << LINEAR_BITS) + (MAX_BITS - LINEAR_BITS) * STEPS;

export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class LatencyHistogram {
  private readonly counts: Float64Array;
  private maxUs = 0;

  constructor(counts?: Float64Array) {
    this.counts = counts ?? new Float64Array(COUNTERS);
    for (let index = COUNTERS - 1; index >= 0 && this.maxUs === 0; index--)
      if (this.counts[index] > 0) this.maxUs = upperBound(index);
  }

  record(us: number): void {
    const value = us < 0 ? 0 : Math.floor(us);
    this.counts[counterOf(value)]++;
    if (us > this.maxUs) this.maxUs = us;
  }

  add(other: LatencyHistogram): void {
    for (let index = 0; index < COUNTERS; index++) this.counts[index] += other.counts[index];
    this.maxUs = Math.max(this.maxUs, other.maxUs);
  }

  /** To send to another process. */
  get counters(): Float64Array {
    return this.counts;
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Microseconds below or at which this share (0 to 1) of the values lies; 0 when there are none. */
  quantileUs(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * share));
    let seen = 0;
    for (let index = 0; index < COUNTERS; index++) {
      seen += this.counts[index];
      if (seen >= wanted) return Math.min(upperBound(index), this.maxUs);
    }
    return 0;
  }

  /** Milliseconds, to the microsecond. */
  summary(): LatencySummary {
    const ms = (us: number): number => Math.round(us) / 1000;
    return {
      p50: ms(this.quantileUs(0.5)),
      p99: ms(this.quantileUs(0.99)),
      p999: ms(this.quantileUs(0.999)),
      max: ms(this.maxUs),
    };
  }
}

function counterOf(us: number): number {
  if (us < 1 << LINEAR_BITS) return us;
  const bits = Math.min(Math.floor(Math.log2(us)), MAX_BITS - 1);
  const step = Math.min(STEPS - 1, Math.floor(us / 2 ** (bits - LINEAR_BITS + 1)) - STEPS);
  return (1 << LINEAR_BITS) + (bits - LINEAR_BITS) * STEPS + step;
}

/** Largest value that is counted there. */
function upperBound(counter: number): number {
  if (counter < 1 << LINEAR_BITS) return counter;
  const bits = LINEAR_BITS + Math.floor((counter - (1 << LINEAR_BITS)) / STEPS);
  const step = (counter - (1 << LINEAR_BITS)) % STEPS;
  return (STEPS + step + 1) * 2 ** (bits - LINEAR_BITS + 1) - 1;
}
