// The servers of a simulation: brokers and zkservers as they ship, each the process of a machine, started, killed and
// started again.
import { Metrics } from '@zhumq/base';
import { Broker, brokerOptions } from '@zhumq/broker';
import { ZkServer, zkServerOptions } from '@zhumq/zkserver';
import type { Life } from './world/life.js';
import type { Machine } from './world/machine.js';
import type { World } from './world/world.js';

export interface ClusterOptions {
  readonly brokers: number;
  readonly zkservers: number;
  readonly brokerFlags: Readonly<Record<string, string>>;
  readonly zkServerFlags: Readonly<Record<string, string>>;
}

/** Everything about one server, over all of its lives. */
export interface ServerSlot {
  readonly machine: Machine;
  readonly kind: 'broker' | 'zkserver';
  readonly id: number;
  /** The one that runs. */
  broker: Broker | undefined;
  zkserver: ZkServer | undefined;
  /** Its start has resolved. */
  ready: boolean;
  starts: number;
}

export interface ClusterEvents {
  /** A server gave up by itself: a disk failed under it, or its id is in use. */
  gaveUp(slot: ServerSlot, error: Error): void;
  /** A server could not start. */
  failedToStart(slot: ServerSlot, error: Error): void;
}

const PORT = 9000;
const DATA_DIRECTORY = '/data';

export class SimulatedCluster {
  readonly brokers: readonly ServerSlot[];
  readonly zkservers: readonly ServerSlot[];
  private readonly brokerOptions;
  private readonly zkServerOptions;

  constructor(
    private readonly world: World,
    options: ClusterOptions,
    private readonly events: ClusterEvents,
  ) {
    this.brokerOptions = brokerOptions.resolve({ flags: options.brokerFlags }).values;
    this.zkServerOptions = zkServerOptions.resolve({ flags: options.zkServerFlags }).values;
    const slots = (kind: ServerSlot['kind'], count: number): ServerSlot[] =>
      Array.from({ length: count }, (_, index) => ({
        machine: world.machine(`${kind}-${index + 1}`, kind === 'broker'),
        ...{ kind, id: index + 1, broker: undefined, zkserver: undefined, ready: false, starts: 0 },
      }));
    this.zkservers = slots('zkserver', options.zkservers);
    this.brokers = slots('broker', options.brokers);
  }

  /** Longest time after which a replica that hears nothing stands for election, and a leader alone gives up. */
  get electionMs(): number {
    const { 'raft.tick.ms': tickMs, 'raft.election.ticks': ticks } = this.brokerOptions;
    return 2 * tickMs * ticks;
  }

  get slots(): readonly ServerSlot[] {
    return [...this.zkservers, ...this.brokers];
  }

  get bootstrap(): string {
    return this.slots.map(({ machine }) => `${machine.name}:${PORT}`).join(',');
  }

  start(slot: ServerSlot): void {
    const life = this.world.begin(slot.machine);
    life.onEnd.push(() => {
      slot.broker = undefined;
      slot.zkserver = undefined;
      slot.ready = false;
    });
    slot.starts++;
    // In the name of the process, from its first step on.
    this.world.scheduler.turn(life, () => {
      const starting =
        slot.kind === 'broker' ? this.startBroker(slot, life) : this.startZk(slot, life);
      starting.then(
        () => void (slot.ready = life.alive),
        (error: unknown) => {
          if (life.alive) this.events.failedToStart(slot, error as Error);
        },
      );
    });
  }

  private async startBroker(slot: ServerSlot, life: Life): Promise<void> {
    const { machine, id } = slot;
    const { disk, bootId } = machine;
    if (disk === undefined) throw new Error('a broker needs a disk');
    const environment = this.environment(slot, life);
    const config = {
      ...{ id, dataDirectory: DATA_DIRECTORY, rack: '', weight: 1, options: this.brokerOptions },
      listen: { host: machine.name, port: PORT },
    };
    slot.broker = new Broker(config, {
      ...environment,
      ...{ fileSystem: disk, bootId },
      onFatal: (error) => {
        if (life.alive) this.events.gaveUp(slot, error);
      },
    });
    await slot.broker.start();
  }

  private async startZk(slot: ServerSlot, life: Life): Promise<void> {
    slot.zkserver = new ZkServer({
      ...this.environment(slot, life),
      ...{ id: slot.id, options: this.zkServerOptions },
      listen: { host: slot.machine.name, port: PORT },
    });
    await slot.zkserver.start();
  }

  private environment({ machine }: ServerSlot, life: Life) {
    const { world } = this;
    const clock = world.clockOf(machine, life);
    return {
      clock,
      random: world.fork(),
      logger: world.logs.logger(machine.name),
      metrics: new Metrics(),
      store: world.ensemble.connect(machine, life, clock),
      transport: world.network.transport(machine, life),
    };
  }
}
