// Metrics: a thin seam over prom-client. Each server owns its registry, because `zhumq dev` runs several in a process.
// What is counted on the hot path is a plain field (metric-handles.ts); prom-client sees it when somebody scrapes.
import { assert } from './assert.js';
import { CounterHandle, GaugeHandle, SeriesTable } from './metric-handles.js';
import type { HistogramHandle, Labelled, LabelValues } from './metric-handles.js';
import { promClientLibrary } from './server-libraries.js';

/** Seconds, from a fast write to a call that ran into its deadline. */
export const SECONDS_BUCKETS: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
  ...[0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** Bytes, from a small record to the largest frame. */
export const BYTES_BUCKETS: readonly number[] = [
  ...[128, 512, 2 ** 11, 2 ** 13, 2 ** 15, 2 ** 17, 2 ** 19, 2 ** 21, 2 ** 23, 2 ** 25],
];

/** Called at each scrape: sets the series as they are now. Those that it does not set vanish. */
export type CollectSeries<L extends string> = (
  set: (labels: LabelValues<L>, value: number) => void,
) => void;

export class Metrics {
  private readonly library = promClientLibrary();
  readonly contentType: string = this.library.Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly registry = new this.library.Registry();
  private readonly known = new Map<string, { shape: string; handle: unknown }>();
  private readonly collectFailures = this.counter(
    'zhumq_metrics_collect_failures_total',
    'Scrapes in which a gauge could not be read.',
  );

  /** Only goes up; its name ends in `_total`. The same name gives the same counter again. */
  counter(name: string, help: string): CounterHandle;
  counter<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
  ): Labelled<L, CounterHandle>;
  counter(name: string, help: string, labels: readonly string[] = []): unknown {
    assert(name.endsWith('_total'), `the name of counter ${name} must end in _total`);
    return this.register('counter', name, labels, () => {
      const table = new SeriesTable(name, labels, () => new CounterHandle());
      new this.library.Counter({
        ...this.describe(name, help, labels),
        collect() {
          this.reset();
          for (const series of table.entries()) this.inc(series.labels, series.handle.value);
        },
      });
      return labels.length === 0 ? table.with({}) : table;
    });
  }

  /** Goes up and down: set by its owner, or read by `collect` at each scrape. */
  gauge(name: string, help: string, labels?: readonly [], collect?: () => number): GaugeHandle;
  gauge<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    collect?: CollectSeries<L>,
  ): Labelled<L, GaugeHandle>;
  gauge(
    name: string,
    help: string,
    labels: readonly string[] = [],
    collect?: (() => number) | CollectSeries<string>,
  ): unknown {
    const shape = collect === undefined ? 'gauge' : 'collected gauge';
    return this.register(shape, name, labels, () => {
      const table = new SeriesTable(name, labels, () => new GaugeHandle());
      const refresh = (): void => this.refresh(table, collect);
      new this.library.Gauge({
        ...this.describe(name, help, labels),
        collect() {
          refresh();
          this.reset();
          // `reset` leaves a zero, which would be a lie where nothing could be read.
          if (labels.length === 0) this.remove();
          for (const series of table.entries()) this.set(series.labels, series.handle.value);
        },
      });
      return labels.length === 0 ? table.with({}) : table;
    });
  }

  /** How often which size or time occurred; `buckets` are the upper bounds, rising. */
  histogram(name: string, help: string, buckets: readonly number[]): HistogramHandle;
  histogram<L extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly L[],
  ): Labelled<L, HistogramHandle>;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly string[] = [],
  ): unknown {
    return this.register(`histogram ${buckets.join()}`, name, labels, () => {
      const metric = new this.library.Histogram({
        ...this.describe(name, help, labels),
        buckets: [...buckets],
      });
      const table = new SeriesTable<string, HistogramHandle>(
        name,
        labels,
        (values) => metric.labels(values),
        (values) => metric.remove(values),
      );
      return labels.length === 0 ? table.with({}) : table;
    });
  }

  /** Memory, CPU, event loop and garbage collection of this process, as `zhumq_process_*` and `zhumq_nodejs_*`. */
  addProcessMetrics(): void {
    this.library.collectDefaultMetrics({ register: this.registry, prefix: 'zhumq_' });
    let last = performance.eventLoopUtilization();
    this.gauge('zhumq_eventloop_utilization', 'Busy share since the last scrape.', [], () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    });
  }

  /** The text that Prometheus reads. */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  private describe(name: string, help: string, labels: readonly string[]) {
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }

  private register(
    kind: string,
    name: string,
    labels: readonly string[],
    create: () => unknown,
  ): unknown {
    assert(/^zhumq_[a-z0-9_]+$/.test(name), `metric ${name} must be named zhumq_...`);
    const shape = `${kind} (${labels.join()})`;
    const known = this.known.get(name);
    if (known !== undefined) {
      const same = known.shape === shape && !kind.startsWith('collected');
      assert(same, `metric ${name} is there already as ${known.shape}, not as ${shape}`);
      return known.handle;
    }
    const handle = create();
    this.known.set(name, { shape, handle });
    return handle;
  }

  /** A gauge that can not be read is left out of this scrape; the others are still shown. */
  private refresh(
    table: SeriesTable<string, GaugeHandle>,
    collect: (() => number) | CollectSeries<string> | undefined,
  ): void {
    if (collect === undefined) return;
    table.clear();
    try {
      const value = collect((labels, count) => table.with(labels).set(count));
      if (typeof value === 'number') table.with({}).set(value);
    } catch {
      table.clear();
      this.collectFailures.inc();
    }
  }
}
