// Looks at a group from outside, again and again: who owns what, and what is committed. Asks whatever broker coordinates it.
import { SystemClock, silentLogger, systemRandom } from '@zhumq/base';
import { ChannelPool, groupClient } from '@zhumq/rpc';
import type { Endpoint, GroupClient, GroupDescription } from '@zhumq/rpc';
import type { GroupHistory } from './group-history.js';

const LOOK_MS = 50;
const CALL = { timeoutMs: 1_000 };

export interface GroupObserverOptions {
  readonly group: string;
  readonly topic: string;
  readonly partitions: number;
  /** Ports of the brokers that run at present. */
  readonly ports: () => readonly number[];
  readonly history: GroupHistory;
}

export class GroupObserver {
  /** Committed positions as last seen. */
  readonly positions = new Map<number, number>();
  description: GroupDescription | undefined;
  private readonly channels = new ChannelPool({
    ...{ clock: new SystemClock(), random: systemRandom(), logger: silentLogger },
  });
  private stopped = false;
  private readonly looking: Promise<void>;

  constructor(private readonly options: GroupObserverOptions) {
    this.looking = this.run();
  }

  async coordinator(): Promise<Endpoint> {
    const [port] = this.options.ports();
    return this.at(port).findCoordinator(this.options.group, CALL);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.looking;
    this.channels.close();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      // Between two coordinators there is nobody to ask.
      await this.look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  private async look(): Promise<void> {
    const { group, topic, history } = this.options;
    const partitions = Array.from({ length: this.options.partitions }, (_, partition) => ({
      ...{ topic, partition },
    }));
    const coordinator = this.at((await this.coordinator()).port);
    const request = { group, partitions, memberId: '' };
    for (const found of await coordinator.positions(request, CALL)) {
      const { partition, offset } = found;
      // At the end of the question: whoever is given the partition after that begins here, or behind.
      if (offset !== -1 || this.positions.has(partition)) {
        history.record({ kind: 'position', partition, offset });
        this.positions.set(partition, offset);
      }
    }
    const description = await coordinator.describeGroup(group, CALL);
    this.description = description;
    const members = description.members.map(({ memberId, clientId, memberEpoch, owned }) => ({
      ...{ memberId, clientId, term: memberEpoch.term, counter: memberEpoch.counter },
      owned: owned.map(({ partition }) => partition),
    }));
    history.record({ kind: 'described', members });
  }

  private at(port: number): GroupClient {
    return groupClient(this.channels.channel({ host: '127.0.0.1', port }));
  }
}
