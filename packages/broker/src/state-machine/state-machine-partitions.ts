// The replicas of one internal topic on this broker, each with its state machine, as they come and go.
import type { Clock, Logger } from '@zhumq/base';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { OfficeLimits } from './office.js';
import { StateMachinePartition } from './state-machine-partition.js';
import type { StateMachineEvents } from './state-machine-partition.js';
import type { StateMachine } from './state-machine.js';

export interface StateMachinePartitionsOptions<M extends StateMachine> {
  readonly topic: string;
  readonly registry: PartitionRegistry;
  readonly makeMachine: (partition: number) => M;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<OfficeLimits>;
  readonly events?: StateMachineEvents<M>;
}

export class StateMachinePartitions<M extends StateMachine> {
  private readonly open = new Map<number, StateMachinePartition<M>>();
  private readonly unwatch: () => void;

  constructor(private readonly options: StateMachinePartitionsOptions<M>) {
    this.unwatch = options.registry.watch((partition) => this.add(partition));
  }

  /** Undefined when this broker holds no replica of it. */
  find(partition: number): StateMachinePartition<M> | undefined {
    const found = this.open.get(partition);
    return found?.partition.isOpen === true ? found : undefined;
  }

  /** Those whose state is served here. */
  serving(): readonly StateMachinePartition<M>[] {
    return [...this.open.values()].filter(({ serves }) => serves);
  }

  close(): void {
    this.unwatch();
    for (const one of this.open.values()) one.close();
    this.open.clear();
  }

  /** In the place of the one that was closed: of an earlier generation, or of a topic that was deleted. */
  private add(partition: Partition): void {
    const { topic, makeMachine, ...options } = this.options;
    const { partition: number } = partition.name;
    if (partition.name.topic !== topic) return;
    this.open.get(number)?.close();
    const machine = makeMachine(number);
    this.open.set(number, new StateMachinePartition({ ...options, partition, machine }));
  }
}
