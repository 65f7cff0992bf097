// Which cluster this is: asked of the metadata store until it answers and a zkserver has made the cluster.
import { delay } from '@zhumq/base';
import type { Clock, Logger } from '@zhumq/base';
import { paths } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { clusterIdentityCodec } from '@zhumq/model';

export interface ClusterIdentityOptions {
  readonly store: Pick<MetadataStore, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

export async function readClusterId(options: ClusterIdentityOptions): Promise<string> {
  const { store, clock, logger, signal } = options;
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const node = await store.get(paths.clusterId).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ reason }, 'waiting for the metadata store to say which cluster this is');
      return undefined;
    });
    if (node !== undefined) return clusterIdentityCodec.decode(node.data).clusterId;
    if (waitedMs % NOTICE_MS === NOTICE_MS - POLL_MS) {
      logger.warn({}, 'waiting for a zkserver to make the cluster');
    }
    await delay(clock, POLL_MS, signal);
  }
}

const POLL_MS = 100;
const NOTICE_MS = 5_000;
