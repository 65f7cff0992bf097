import { AssertionFailed } from './assert.js';
import { BYTES_BUCKETS, Metrics, SECONDS_BUCKETS } from './metrics.js';
import { SERIES_LIMIT } from './metric-handles.js';

/** The lines of a rendering that carry values of this metric. */
async function series(metrics: Metrics, name: string): Promise<string[]> {
  const lines = (await metrics.render()).split('\n');
  return lines.filter((line) => line.startsWith(name));
}

describe('counters', () => {
  test('start at zero and add up', async () => {
    const metrics = new Metrics();
    const counter = metrics.counter('zhumq_fsyncs_total', 'Syncs.');
    expect(await series(metrics, 'zhumq_fsyncs_total')).toEqual(['zhumq_fsyncs_total 0']);
    counter.inc();
    counter.inc(41);
    expect(await series(metrics, 'zhumq_fsyncs_total')).toEqual(['zhumq_fsyncs_total 42']);
    expect(await metrics.render()).toContain('# TYPE zhumq_fsyncs_total counter');
  });

  test('have one series for each combination of labels', async () => {
    const metrics = new Metrics();
    const bytes = metrics.counter('zhumq_bytes_total', 'Bytes.', ['dir', 'topic']);
    bytes.with({ dir: 'in', topic: 'orders' }).inc(10);
    bytes.with({ topic: 'orders', dir: 'in' }).inc(5);
    bytes.with({ dir: 'out', topic: 'a"b\nc' }).inc(1);
    expect(await series(metrics, 'zhumq_bytes_total')).toEqual([
      'zhumq_bytes_total{dir="in",topic="orders"} 15',
      'zhumq_bytes_total{dir="out",topic="a\\"b\\nc"} 1',
    ]);
  });

  test('forget a series on request', async () => {
    const metrics = new Metrics();
    const bytes = metrics.counter('zhumq_bytes_total', 'Bytes.', ['topic']);
    bytes.with({ topic: 'orders' }).inc(10);
    bytes.remove({ topic: 'orders' });
    expect(await series(metrics, 'zhumq_bytes_total')).toEqual([]);
  });

  test('are bounded: names made up by strangers share one series', async () => {
    const metrics = new Metrics();
    const bytes = metrics.counter('zhumq_bytes_total', 'Bytes.', ['topic']);
    for (let topic = 0; topic < SERIES_LIMIT + 500; topic++) bytes.with({ topic }).inc();
    const lines = await series(metrics, 'zhumq_bytes_total');
    expect(lines).toHaveLength(SERIES_LIMIT + 1);
    expect(lines.at(-1)).toBe('zhumq_bytes_total{topic="other"} 500');
  });
});

describe('gauges', () => {
  test('go up and down', async () => {
    const metrics = new Metrics();
    const gauge = metrics.gauge('zhumq_inflight_requests', 'Requests.');
    gauge.set(5);
    gauge.add(-2);
    expect(await series(metrics, 'zhumq_inflight')).toEqual(['zhumq_inflight_requests 3']);
  });

  test('can be read at each scrape', async () => {
    const metrics = new Metrics();
    let free = 7;
    metrics.gauge('zhumq_disk_free_bytes', 'Free.', [], () => free);
    expect(await series(metrics, 'zhumq_disk')).toEqual(['zhumq_disk_free_bytes 7']);
    free = 6;
    expect(await series(metrics, 'zhumq_disk')).toEqual(['zhumq_disk_free_bytes 6']);
  });

  test('read at each scrape lose the series that are not set any more', async () => {
    const metrics = new Metrics();
    let topics = ['a', 'b'];
    metrics.gauge('zhumq_replica_lag_bytes', 'Lag.', ['topic'], (set) => {
      for (const topic of topics) set({ topic }, topic.length);
    });
    expect(await series(metrics, 'zhumq_replica')).toHaveLength(2);
    topics = ['b'];
    expect(await series(metrics, 'zhumq_replica')).toEqual([
      'zhumq_replica_lag_bytes{topic="b"} 1',
    ]);
  });

  test('that can not be read are left out and counted; the others are shown', async () => {
    const metrics = new Metrics();
    metrics.gauge('zhumq_broken', 'Broken.', [], () => {
      throw new Error('closed');
    });
    metrics.gauge('zhumq_fine', 'Fine.').set(1);
    expect(await series(metrics, 'zhumq_broken')).toEqual([]);
    expect(await series(metrics, 'zhumq_fine')).toEqual(['zhumq_fine 1']);
    const failures = await series(metrics, 'zhumq_metrics_collect_failures_total');
    expect(failures).toEqual(['zhumq_metrics_collect_failures_total 2']);
  });
});

describe('histograms', () => {
  test('count what falls below each bound', async () => {
    const metrics = new Metrics();
    const seconds = metrics.histogram('zhumq_fsync_seconds', 'Sync.', [0.01, 0.1]);
    for (const value of [0.005, 0.01, 0.05, 3]) seconds.observe(value);
    expect(await series(metrics, 'zhumq_fsync_seconds')).toEqual([
      'zhumq_fsync_seconds_bucket{le="0.01"} 2',
      'zhumq_fsync_seconds_bucket{le="0.1"} 3',
      'zhumq_fsync_seconds_bucket{le="+Inf"} 4',
      'zhumq_fsync_seconds_sum 3.065',
      'zhumq_fsync_seconds_count 4',
    ]);
  });

  test('have series by label that can be removed', async () => {
    const metrics = new Metrics();
    const seconds = metrics.histogram('zhumq_request_seconds', 'Time.', [1], ['api']);
    const fetch = seconds.with({ api: 'fetch' });
    fetch.observe(0.5);
    fetch.observe(0.5);
    expect(await series(metrics, 'zhumq_request_seconds_count')).toEqual([
      'zhumq_request_seconds_count{api="fetch"} 2',
    ]);
    seconds.remove({ api: 'fetch' });
    expect(await series(metrics, 'zhumq_request_seconds')).toEqual([]);
  });

  test('the common bounds rise', () => {
    for (const bounds of [SECONDS_BUCKETS, BYTES_BUCKETS]) {
      expect([...bounds].sort((one, other) => one - other)).toEqual(bounds);
    }
  });
});

describe('names', () => {
  test('the same declaration gives the same metric again', async () => {
    const metrics = new Metrics();
    metrics.counter('zhumq_a_total', 'A.', ['topic']).with({ topic: 't' }).inc();
    metrics.counter('zhumq_a_total', 'A.', ['topic']).with({ topic: 't' }).inc();
    expect(await series(metrics, 'zhumq_a_total')).toEqual(['zhumq_a_total{topic="t"} 2']);
  });

  test('another declaration of the same name is a bug', () => {
    const metrics = new Metrics();
    metrics.counter('zhumq_a_total', 'A.');
    metrics.gauge('zhumq_b', 'B.', [], () => 1);
    expect(() => metrics.counter('zhumq_a_total', 'A.', ['topic'])).toThrow(AssertionFailed);
    expect(() => metrics.gauge('zhumq_b', 'B.', [], () => 2)).toThrow(AssertionFailed);
  });

  test('a wrong name and a missing label are bugs', () => {
    const metrics = new Metrics();
    expect(() => metrics.gauge('queue_size', 'Q.')).toThrow(AssertionFailed);
    expect(() => metrics.counter('zhumq_requests', 'R.')).toThrow(AssertionFailed);
    const bytes = metrics.counter('zhumq_bytes_total', 'Bytes.', ['dir', 'topic']);
    expect(() => bytes.with({ dir: 'in' } as never)).toThrow(AssertionFailed);
  });
});

test('registries of several servers in one process do not mix', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.counter('zhumq_a_total', 'A.').inc();
  other.counter('zhumq_a_total', 'A.');
  expect(await series(one, 'zhumq_a_total')).toEqual(['zhumq_a_total 1']);
  expect(await series(other, 'zhumq_a_total')).toEqual(['zhumq_a_total 0']);
});

test('process metrics come on request, under our prefix', async () => {
  const metrics = new Metrics();
  expect(await metrics.render()).not.toContain('process_resident_memory_bytes');
  metrics.addProcessMetrics();
  const text = await metrics.render();
  for (const name of [
    'zhumq_process_resident_memory_bytes',
    'zhumq_nodejs_eventloop_lag_p99_seconds',
    'zhumq_eventloop_utilization',
  ]) {
    expect(text).toMatch(new RegExp(`^${name} [\\d.e+-]+$`, 'm'));
  }
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(samples.filter((line) => !line.startsWith('zhumq_'))).toEqual([]);
});
