// What the brokers that hold a topic say of their replicas. One that is frozen says nothing: when others have answered, it
// is waited for only a moment longer.
import type { Clock, Timer } from '@zhumq/base';
import type { BrokerInfo, ReplicaStatus } from '@zhumq/rpc';

/** So long the others are waited for once one has answered. */
const STRAGGLERS_MS = 1000;

export interface ReplicaStatuses {
  /** By replica id. */
  readonly statuses: ReadonlyMap<string, ReplicaStatus>;
  /** Brokers that did not answer, and why. */
  readonly failures: ReadonlyMap<number, string>;
}

/** Asks all holders; `ask` is told when nobody waits for its answer any more. */
export async function replicaStatuses(
  clock: Clock,
  brokers: readonly BrokerInfo[],
  holders: ReadonlySet<number>,
  ask: (broker: BrokerInfo, late: AbortSignal) => Promise<readonly ReplicaStatus[]>,
): Promise<ReplicaStatuses> {
  const statuses = new Map<string, ReplicaStatus>();
  const failures = new Map<number, string>();
  const late = new AbortController();
  let timer: Timer | undefined;
  const askHolder = async (id: number): Promise<void> => {
    try {
      const broker = brokers.find(({ endpoint }) => endpoint.id === id);
      if (broker === undefined) throw new Error(`broker ${id} is not registered`);
      if (!broker.alive) throw new Error(`broker ${id} is not alive`);
      for (const status of await ask(broker, late.signal)) statuses.set(status.replicaId, status);
      timer ??= clock.after(STRAGGLERS_MS, () => late.abort());
    } catch (error) {
      const text = `broker ${id} did not answer within ${STRAGGLERS_MS} ms of the first that did`;
      failures.set(id, late.signal.aborted ? text : (error as Error).message);
    }
  };
  await Promise.all([...holders].map(askHolder));
  timer?.cancel();
  return { statuses, failures };
}
