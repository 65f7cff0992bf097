// A cluster of real processes on a network: ZooKeeper servers, zkservers, brokers, each on a node of its own. Each can be
// killed and started again at its old address and on its old data. All files are below one folder.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Network, NodeName } from '../network/network.js';
import { endingWithParent } from './ending-with-parent.js';
import { clockEnvironment } from './process-clock.js';
import { mountDisk, unmountDisk } from './small-disk.js';
import { ServerProcess } from './server-process.js';
import {
  ZOOKEEPER_PORTS,
  configureZooKeeper,
  findZooKeeper,
  zooKeeperCommand,
  zooKeeperServes,
} from './zookeeper-server.js';

const ZHUMQ = join(__dirname, '../../../../cli/bin/zhumq.js');
/** Defaults; a run's bounds follow from them. */
export const ELECTION_TIMEOUT_MS = 500;
/** Half of the default: what a dead process held is free sooner. */
export const SESSION_TIMEOUT_MS = 3_000;

const SERVER_FLAGS = ['--session-timeout', `${SESSION_TIMEOUT_MS}ms`];
const BROKER_FLAGS = [
  ...['--wal-file-bytes', '8MiB', '--wal-checkpoint-bytes', '32MiB'],
  ...['--disk-reserve-bytes', '32MiB'],
];

export interface ClusterPlan {
  readonly brokers: number;
  readonly zkservers: number;
  readonly zookeepers: number;
  /** Of each broker's own disk; undefined: a folder. */
  readonly diskBytes: number | undefined;
  /** Library that moves the clocks of brokers and zkservers; undefined: none. */
  readonly clockLibrary: string | undefined;
}

export class ProcessCluster {
  readonly zookeepers: NodeName[] = [];
  readonly zkservers: NodeName[] = [];
  readonly brokers: NodeName[] = [];
  private readonly processes = new Map<NodeName, ServerProcess>();
  private readonly addresses: string[] = [];
  /** Mounted. */
  private readonly disks: string[] = [];
  private zooKeeperAddresses = '';

  private constructor(
    readonly plan: ClusterPlan,
    readonly network: Network,
    readonly folder: string,
  ) {}

  /** Resolves when everything serves. `made` gets the cluster before anything runs, for cleaning up. */
  static async start(
    plan: ClusterPlan,
    network: Network,
    folder: string,
    made: (cluster: ProcessCluster) => void,
  ): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(plan, network, folder);
    made(cluster);
    await cluster.addZooKeepers();
    for (let id = 1; id <= plan.zkservers; id++) await cluster.addServer('zkserver', id, []);
    for (let id = 1; id <= plan.brokers; id++) {
      const data = cluster.dataFolder(`broker-${id}`);
      if (plan.diskBytes !== undefined) {
        await mountDisk(data, plan.diskBytes);
        cluster.disks.push(data);
      }
      await cluster.addServer('broker', id, ['--data-dir', data, ...BROKER_FLAGS]);
    }
    await cluster.revive();
    return cluster;
  }

  /** Addresses of all brokers and zkservers. */
  get bootstrap(): string {
    return this.addresses.join(',');
  }

  get nodes(): NodeName[] {
    return [...this.zookeepers, ...this.zkservers, ...this.brokers];
  }

  process(name: NodeName): ServerProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** A folder, or the root of its disk. */
  dataFolder(broker: NodeName): string {
    return join(this.folder, 'data', broker);
  }

  /** SIGKILL at once for all of these that run. */
  async kill(names: readonly NodeName[]): Promise<void> {
    await Promise.all(names.map((name) => this.process(name).kill('SIGKILL')));
  }

  /** Everything that is stopped goes on, everything that does not run is started: ZooKeeper first. */
  async revive(): Promise<void> {
    const all = [...this.processes.values()];
    for (const process of all) if (process.isStopped) await process.kill('SIGCONT');
    const startAll = (names: readonly NodeName[]): Promise<unknown> =>
      Promise.all(
        names
          .map((name) => this.process(name))
          .filter(({ runs }) => !runs)
          .map((process) => process.start()),
      );
    await startAll(this.zookeepers);
    await startAll([...this.zkservers, ...this.brokers]);
  }

  /** Sets a process's clock so far ahead (or back); the machine's clock is not touched. */
  setClock(name: NodeName, offsetSeconds: number): void {
    const file = this.clockFile(name);
    const text = `${offsetSeconds >= 0 ? '+' : ''}${offsetSeconds}`;
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  /** For tearing down: gone, whatever they were doing. */
  async destroy(): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.retire()));
    for (const disk of this.disks.splice(0)) await unmountDisk(disk);
  }

  private async addZooKeepers(): Promise<void> {
    const { network, plan, folder } = this;
    const program = await findZooKeeper();
    const names = Array.from({ length: plan.zookeepers }, (_, index) => `zookeeper-${index + 1}`);
    const endpoints = [];
    for (const name of names) endpoints.push(await network.addNode(name, ZOOKEEPER_PORTS));
    const listens = endpoints.map((own) => own.map(({ listen }) => listen));
    for (const [index, name] of names.entries()) {
      const config = configureZooKeeper(join(folder, name), index + 1, listens);
      this.add(name, zooKeeperCommand(program, config), {}, () =>
        zooKeeperServes(listens[index][0]),
      );
      this.zookeepers.push(name);
    }
    this.zooKeeperAddresses = endpoints.map(([client]) => client.advertise).join(',');
  }

  private async addServer(
    kind: 'broker' | 'zkserver',
    id: number,
    flags: readonly string[],
  ): Promise<void> {
    const name = `${kind}-${id}`;
    const [{ listen, advertise }] = await this.network.addNode(name, 1);
    this.addresses.push(advertise);
    const { clockLibrary } = this.plan;
    const clock = clockLibrary === undefined ? {} : this.clockOf(name, clockLibrary);
    const command = [
      ...[process.execPath, ZHUMQ, kind, '--id', String(id), '--listen', listen],
      ...['--advertise', advertise, '--zookeeper', `${this.zooKeeperAddresses}/zhumq`],
      ...['--http', '127.0.0.1:0', '--stop-with-parent', '-o', 'json'],
      ...[...SERVER_FLAGS, ...flags],
    ];
    this.add(name, command, clock);
    (kind === 'broker' ? this.brokers : this.zkservers).push(name);
  }

  private add(
    name: NodeName,
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    ready?: () => Promise<unknown>,
  ): void {
    const whole = this.network.commandOn(name, [...endingWithParent(), ...command]);
    const logFile = join(this.folder, `${name}.log`);
    const plan = { name, command: whole, environment, logFile, ...(ready && { ready }) };
    this.processes.set(name, new ServerProcess(plan));
  }

  private clockOf(name: NodeName, library: string): Readonly<Record<string, string>> {
    const file = this.clockFile(name);
    if (!existsSync(join(file, '..'))) mkdirSync(join(file, '..'), { recursive: true });
    this.setClock(name, 0);
    return clockEnvironment(library, file);
  }

  private clockFile(name: NodeName): string {
    return join(this.folder, 'clocks', name);
  }
}
