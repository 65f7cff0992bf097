// Starts one zkserver in this process.
import type { MetadataStore } from '@zhumq/metadata';
import { ZkServer } from '@zhumq/zkserver';
import type { ZkServerOptions } from '@zhumq/zkserver';
import type { ServerEnvironment } from './environment.js';
import { formatHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import type { RunningServer } from './running-server.js';

export interface ZkServerSettings {
  readonly id: number;
  readonly listen: HostPort;
  readonly advertise: HostPort | undefined;
  readonly http: HostPort | undefined;
  readonly options: ZkServerOptions;
}

/** The store stays the caller's. */
export async function runZkServer(
  settings: ZkServerSettings,
  store: MetadataStore,
  environment: ServerEnvironment,
): Promise<RunningServer> {
  const server = new ZkServer({ ...settings, ...environment, store });
  const { advertised, http } = await server.start();
  const address = formatHostPort(advertised);
  const metrics = http === undefined ? undefined : `http://${formatHostPort(http)}/metrics`;
  return {
    ready: { kind: 'zkserver', id: settings.id, pid: process.pid, address, metrics },
    banner: `zkserver ${settings.id} serves ${address} (pid ${process.pid})`,
    stop: () => server.stop(),
    failed: new Promise<Error>(() => undefined),
  };
}
