// The client that all record-level calls at a broker share, from the first one on; and how its errors read for programs
// that know nothing of it.
import { ZhumqError, formatHostPort } from '@zhumq/base';
import type { HostPort, Logger } from '@zhumq/base';
import { connectClient } from '@zhumq/client';
import type { Client, ClientEnvironment } from '@zhumq/client';
import { isError, zhumqError } from '@zhumq/model';

/** Listening on all interfaces is reached on loopback. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

export class ClusterClient {
  private connecting: Promise<Client> | undefined;
  private stopped: ZhumqError | undefined;

  constructor(
    private readonly address: () => HostPort,
    private readonly logger: Logger,
    private readonly environment: ClientEnvironment,
  ) {}

  /** Rejects when the cluster can not be reached; the next call tries again. */
  get(): Promise<Client> {
    if (this.stopped !== undefined) return Promise.reject(this.stopped);
    this.connecting ??= this.connect().catch((error: unknown) => {
      this.connecting = undefined;
      throw error;
    });
    return this.connecting;
  }

  /** From now on get() rejects with STOPPING. */
  stop(): void {
    this.stopped = zhumqError('STOPPING', 'the broker is stopping; call another one');
  }

  async close(timeoutMs: number): Promise<void> {
    const client = await this.connecting?.catch(() => undefined);
    // What was acknowledged is stored; who waits for the rest is told that its outcome is unknown.
    await client?.close({ timeout: timeoutMs }).catch(() => undefined);
  }

  /** The error as a program in another language is to read it. */
  told(error: unknown): unknown {
    if (!ZhumqError.is(error)) return error;
    const { message, context } = error;
    const ended = isError(error, 'CLOSED') || isError(error, 'ABORTED');
    if (this.stopped !== undefined && ended) return this.stopped;
    if (isError(error, 'QUEUE_FULL')) {
      const text =
        'this broker holds as many bytes to be stored as it may; send again a little later';
      return zhumqError('OVERLOADED', text, context, error);
    }
    if (isError(error, 'INVALID_OPTION') || isError(error, 'VALIDATION_FAILED')) {
      return zhumqError('INVALID_REQUEST', message, context, error);
    }
    return error;
  }

  private connect(): Promise<Client> {
    const { host, port } = this.address();
    const bootstrap = formatHostPort({ host: LOOPBACK[host] ?? host, port });
    return connectClient(bootstrap, { logger: this.logger }, this.environment);
  }
}
