// What the hot path holds of a metric: one object per series, bound to its labels once, with plain fields.
import { assert } from './assert.js';

export type LabelValues<L extends string> = Readonly<Record<L, string | number>>;

/**
 * A metric with labels. Call `with` once and keep the result; it is a lookup, the handle itself is not.
 * Past `SERIES_LIMIT` combinations further ones share one series whose label values are `other`, so that names made
 * up by strangers can not fill the memory.
 */
export interface Labelled<L extends string, H> {
  with(labels: LabelValues<L>): H;
  /** Forgets a series, when what it speaks of is gone. */
  remove(labels: LabelValues<L>): void;
}

export interface HistogramHandle {
  observe(value: number): void;
}

export class CounterHandle {
  value = 0;

  inc(amount = 1): void {
    this.value += amount;
  }
}

export class GaugeHandle {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(amount: number): void {
    this.value += amount;
  }
}

export const SERIES_LIMIT = 1000;
const OVERFLOW = 'other';

interface Series<H> {
  readonly labels: Record<string, string | number>;
  readonly handle: H;
}

export class SeriesTable<L extends string, H> implements Labelled<L, H> {
  private readonly series = new Map<string, Series<H>>();

  constructor(
    private readonly name: string,
    private readonly labelNames: readonly L[],
    private readonly create: (labels: Record<string, string | number>) => H,
    private readonly forget: (labels: Record<string, string | number>) => void = () => undefined,
  ) {}

  with(labels: LabelValues<L>): H {
    const key = this.keyOf(labels);
    const found = this.series.get(key);
    if (found !== undefined) return found.handle;
    const room = this.series.size < SERIES_LIMIT;
    return room ? this.add(key, { ...labels }) : this.overflow();
  }

  remove(labels: LabelValues<L>): void {
    if (this.series.delete(this.keyOf(labels))) this.forget(labels);
  }

  clear(): void {
    this.series.clear();
  }

  entries(): Iterable<Series<H>> {
    return this.series.values();
  }

  private overflow(): H {
    const labels = Object.fromEntries(this.labelNames.map((name) => [name, OVERFLOW]));
    const key = this.keyOf(labels as LabelValues<L>);
    return this.series.get(key)?.handle ?? this.add(key, labels);
  }

  private add(key: string, labels: Record<string, string | number>): H {
    const handle = this.create(labels);
    this.series.set(key, { labels, handle });
    return handle;
  }

  private keyOf(labels: LabelValues<L>): string {
    const values = this.labelNames.map((label) => labels[label]);
    const complete = values.every((value) => value !== undefined);
    assert(complete, `metric ${this.name} needs the labels ${this.labelNames.join(', ')}`);
    return JSON.stringify(values.map(String));
  }
}
