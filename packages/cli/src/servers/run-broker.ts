// Starts one broker in this process.
import { Broker } from '@zhumq/broker';
import type { BrokerOptions } from '@zhumq/broker';
import { RecordGateway } from '@zhumq/gateway';
import { NodeFileSystem } from '@zhumq/log';
import type { MetadataStore } from '@zhumq/metadata';
import type { ServerEnvironment } from './environment.js';
import { formatHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import type { RunningServer } from './running-server.js';

export interface BrokerSettings {
  readonly id: number;
  readonly dataDirectory: string;
  readonly listen: HostPort;
  readonly advertise: HostPort | undefined;
  readonly http: HostPort | undefined;
  readonly rack: string;
  readonly weight: number;
  readonly options: BrokerOptions;
}

/** The store stays the caller's. */
export async function runBroker(
  settings: BrokerSettings,
  store: MetadataStore,
  environment: ServerEnvironment,
): Promise<RunningServer> {
  let onFatal: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => (onFatal = resolve));
  const broker = new Broker(settings, {
    ...environment,
    store,
    fileSystem: new NodeFileSystem(),
    onFatal,
    recordGateway: (parts) => new RecordGateway(parts),
  });
  const { advertised, http } = await broker.start();
  const address = formatHostPort(advertised);
  const metrics = http === undefined ? undefined : `http://${formatHostPort(http)}/metrics`;
  return {
    ready: { kind: 'broker', id: settings.id, pid: process.pid, address, metrics },
    banner: `broker ${settings.id} serves ${address} (pid ${process.pid}, data in ${settings.dataDirectory})`,
    stop: () => broker.stop(),
    failed,
  };
}
