// A cluster whose one topic carries a state machine that remembers what it was told.
import { createLogger } from '@zhumq/base';
import { SLICE_BYTES } from '../state-machine/committed-batches.js';
import type { StateMachinePartition } from '../state-machine/state-machine-partition.js';
import { StateMachinePartitions } from '../state-machine/state-machine-partitions.js';
import type { StateMachinePartitionsOptions } from '../state-machine/state-machine-partitions.js';
import type { AppliedRecord, StateMachine, StateRecord } from '../state-machine/state-machine.js';
import type { TestBroker } from './test-broker.js';
import { TestCluster } from './test-cluster.js';

/** Last value of each key; a value of null takes the key away. */
export class LastValues implements StateMachine {
  readonly values = new Map<string, string>();
  /** Offsets of all records since the last reset. */
  offsets: number[] = [];
  /** Their keys. */
  told: string[] = [];
  /** Throws on this value. */
  poison: string | undefined;

  apply({ key, value, offset }: AppliedRecord): void {
    if (value?.toString() === this.poison && this.poison !== undefined) throw new Error('poison');
    this.offsets.push(offset);
    this.told.push(key.toString());
    if (value === null) this.values.delete(key.toString());
    else this.values.set(key.toString(), value.toString());
  }

  *snapshot(): Iterable<StateRecord> {
    for (const [key, value] of this.values) yield recordOf(key, value);
  }

  reset(): void {
    this.values.clear();
    this.offsets = [];
    this.told = [];
  }
}

type Limits = NonNullable<StateMachinePartitionsOptions<LastValues>['limits']>;

export class StateMachineCluster {
  private readonly machines = new Map<TestBroker, StateMachinePartitions<LastValues>>();
  /** What was told, as "broker event epoch". */
  readonly events: string[] = [];
  readonly logged: string[] = [];
  poison: string | undefined;

  private constructor(
    readonly cluster: TestCluster,
    private readonly limits: Limits,
  ) {
    for (const broker of cluster.brokers) this.watch(broker);
  }

  static async start(limits: Limits = {}, brokers = 3): Promise<StateMachineCluster> {
    const config = { 'segment.bytes': String(1 << 16), 'retention.ms': '-1' };
    const cluster = await TestCluster.start(brokers, { name: '__groups', config });
    return new StateMachineCluster(cluster, limits);
  }

  /** After a start of the broker. */
  watch(broker: TestBroker): void {
    this.machines.get(broker)?.close();
    const logger = createLogger({
      name: 'test',
      level: 'error',
      destination: { write: (line: string) => void this.logged.push(line) },
    });
    const event = (name: string, detail: unknown): void =>
      void this.events.push(`${broker.id} ${name} ${String(detail)}`);
    const machines = new StateMachinePartitions({
      topic: '__groups',
      registry: broker.registry,
      clock: this.cluster.clock,
      logger,
      limits: this.limits,
      makeMachine: () => Object.assign(new LastValues(), { poison: this.poison }),
      events: {
        onServing: (_, epoch) => event('serving', epoch),
        onLost: (_, epoch) => event('lost', epoch),
        onFailed: (_, error) => event('failed', error.message),
      },
    });
    this.machines.set(broker, machines);
  }

  of(broker: TestBroker): StateMachinePartition<LastValues> {
    const found = this.machines.get(broker)?.find(0);
    if (found === undefined) throw new Error(`broker ${broker.id} has no state machine`);
    return found;
  }

  /** The broker that serves, and its machine. */
  async server(except: readonly number[] = []) {
    const find = (): TestBroker | undefined =>
      this.cluster.brokers.find(
        (one) => one.alive && !except.includes(one.id) && this.of(one).serves,
      );
    await this.cluster.until(() => find() !== undefined);
    const broker = find() as TestBroker;
    const machine = this.of(broker);
    return { broker, machine, values: machine.serving().machine.values };
  }

  async restart(broker: TestBroker): Promise<void> {
    await broker.start();
    this.watch(broker);
    await broker.apply(this.cluster.state());
  }

  /** Proposes and waits, time passing. */
  async put(broker: TestBroker, ...records: readonly StateRecord[]): Promise<readonly number[]> {
    const outcome = this.propose(broker, ...records);
    await this.cluster.until(() => outcome.done);
    if (outcome.error !== undefined) throw outcome.error as Error;
    return outcome.offsets;
  }

  propose(broker: TestBroker, ...records: readonly StateRecord[]): ProposalOutcome {
    const outcome: ProposalOutcome = { done: false, error: undefined, offsets: [] };
    const deadlineMs = this.cluster.clock.monotonicMs() + 60_000;
    this.of(broker)
      .propose(records, deadlineMs)
      .then(
        (offsets) => Object.assign(outcome, { done: true, offsets }),
        (error: unknown) => Object.assign(outcome, { done: true, error }),
      );
    return outcome;
  }
}

export interface ProposalOutcome {
  done: boolean;
  error: unknown;
  offsets: readonly number[];
}

export function recordOf(key: string, value: string | null): StateRecord {
  return { key: Buffer.from(key), value: value === null ? null : Buffer.from(value) };
}

/** Values so large that a slice holds few of them. */
export const LARGE = 'x'.repeat(SLICE_BYTES / 16);
