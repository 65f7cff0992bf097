// Counts what the broker's port is asked, what it refuses, and the connections that it ends because of what they did.
import type { CounterHandle, Metrics } from '@zhumq/base';
import type { RefusalReason, RpcServerMetrics } from '@zhumq/rpc';

export class RequestMetrics implements RpcServerMetrics {
  private readonly requests;
  private readonly errors;
  private readonly ended;
  /** By method, so that a request costs one lookup. */
  private readonly byMethod = new Map<string, CounterHandle>();

  constructor(metrics: Metrics) {
    this.requests = metrics.counter(
      'zhumq_broker_requests_total',
      'Requests that were answered or refused, by method.',
      ['method'],
    );
    this.errors = metrics.counter(
      'zhumq_broker_request_errors_total',
      'Requests that were refused, by method and error.',
      ['method', 'error'],
    );
    this.ended = metrics.counter(
      'zhumq_broker_connections_refused_total',
      'Connections ended, or not accepted, because of what they did, by reason.',
      ['reason'],
    );
  }

  served(method: string, _durationMs: number, error: string | undefined): void {
    let counter = this.byMethod.get(method);
    if (counter === undefined) {
      counter = this.requests.with({ method });
      this.byMethod.set(method, counter);
    }
    counter.inc();
    if (error !== undefined) this.errors.with({ method, error }).inc();
  }

  refused(reason: RefusalReason): void {
    this.ended.with({ reason }).inc();
  }
}
