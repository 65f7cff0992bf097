// The door for operators: metrics, liveness and readiness over HTTP. It answers three paths and bounds everything
// else, because scrapers and load balancers are not always friendly.
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { assert } from './assert.js';
import { SystemClock } from './clock.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** For people: what is wrong, or how far it has come. */
  readonly detail: string;
}

/** Healthy when all checks are. */
export interface HealthReport {
  readonly checks: readonly HealthCheck[];
}

export interface OpsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** False means: restart me. Never false because others are slow. */
  readonly live: () => HealthReport;
  /** False means: send me no work now. */
  readonly ready: () => HealthReport;
  readonly logger: Logger;
}

export interface OpsServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The address could not be taken; `code` is that of the system, such as EADDRINUSE. */
export class ListenFailed extends Error {
  override readonly name = 'ListenFailed';

  constructor(
    message: string,
    readonly code: string | undefined,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
};
const MAX_CONNECTIONS = 64;
const IDLE_TIMEOUT_MS = 30_000;
const CLOSE_GRACE_MS = 1_000;

/** Throws ListenFailed when the address can not be taken. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const routes = new OpsRoutes(options);
  const server = createServer(LIMITS, (request, response) => {
    void routes.answer(request.method ?? '', request.url ?? '', response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Also ends connections whose reader does not take the answer.
  server.setTimeout(IDLE_TIMEOUT_MS);
  await listen(server, options.host, options.port);
  server.on('error', (err) => options.logger.error({ err }, 'the operations port failed'));
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'the operations port is no TCP port');
  const { port } = address;
  options.logger.info({ host: options.host, port }, 'operations port is open');
  return { host: options.host, port, close: once(() => close(server)) };
}

class OpsRoutes {
  /** Scrapes that come together share one rendering. */
  private rendering: Promise<string> | undefined;

  constructor(private readonly options: OpsServerOptions) {}

  async answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const route = this.routeOf(url.split('?', 1)[0]);
    if (route === undefined) {
      reply(response, 404, 'text/plain', 'Not found. Try /metrics, /livez or /readyz.\n');
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      reply(response, 405, 'text/plain', 'Only GET and HEAD.\n');
    } else {
      await route(response);
    }
  }

  private routeOf(path: string): ((response: ServerResponse) => Promise<void>) | undefined {
    if (path === '/metrics') return (response) => this.showMetrics(response);
    if (path === '/livez') return async (response) => this.showHealth(response, this.options.live);
    if (path === '/readyz')
      return async (response) => this.showHealth(response, this.options.ready);
    return undefined;
  }

  private async showMetrics(response: ServerResponse): Promise<void> {
    this.rendering ??= this.options.metrics.render().finally(() => (this.rendering = undefined));
    try {
      reply(response, 200, this.options.metrics.contentType, await this.rendering);
    } catch (err) {
      this.options.logger.error({ err }, 'the metrics could not be rendered');
      reply(response, 500, 'text/plain', 'The metrics could not be rendered; the log says why.\n');
    }
  }

  private showHealth(response: ServerResponse, report: () => HealthReport): void {
    const checks = this.check(report);
    const ok = checks.every((check) => check.ok);
    const body = { status: ok ? 'ok' : 'failing', checks };
    reply(response, ok ? 200 : 503, 'application/json', `${JSON.stringify(body)}\n`);
  }

  private check(report: () => HealthReport): readonly HealthCheck[] {
    try {
      return report().checks;
    } catch (err) {
      this.options.logger.error({ err }, 'a health check threw');
      return [{ name: 'health', ok: false, detail: 'The check itself failed; the log says why.' }];
    }
  }
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      reject(new ListenFailed(explain(cause, host, port), cause.code, cause));
    };
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function explain(cause: NodeJS.ErrnoException, host: string, port: number): string {
  const what = `The operations port ${port} on ${host} can not be opened:`;
  if (cause.code === 'EADDRINUSE')
    return `${what} another program uses it. Stop that one or set another port (0 takes a free one).`;
  if (cause.code === 'EACCES') return `${what} permission denied. Set a port above 1023.`;
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND')
    return `${what} this machine has no such address. Set another host, such as 127.0.0.1.`;
  return `${what} ${cause.message}.`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = new SystemClock().after(CLOSE_GRACE_MS, () => server.closeAllConnections());
  await closed;
  timer.cancel();
}

function once<T>(action: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: action() }).value;
}
