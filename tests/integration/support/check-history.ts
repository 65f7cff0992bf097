// Judges a history, after Jepsen's Kafka workload: one pass for each anomaly. Reads are always trusted, a completion that
// nobody knows is never taken for a failure.
import type { Operation, Read, SendCompleted, SendInvoked } from './history.js';

export type AnomalyKind =
  | 'inconsistent offset' // two values at one offset
  | 'duplicate' // one value at two offsets
  | 'lost' // acknowledged, and behind it something was read, but not itself
  | 'unseen' // acknowledged, never read by the end
  | 'failed write read' // its producer was told that it was not stored
  | 'unknown value' // read, never sent
  | 'send order' // two sends of one producer to one partition lie in the other order
  | 'read backwards' // a consumer was given an offset again, or an earlier one
  | 'read skips'; // a consumer was not given a message that is there

export interface Anomaly {
  readonly kind: AnomalyKind;
  readonly partition: number;
  readonly detail: string;
}

/** Empty when all is well. The history must end with a consumer that read everything (`final`). */
export function checkHistory(operations: readonly Operation[]): Anomaly[] {
  const partitions = new Set(operations.map((operation) => operation.partition));
  return [...partitions].sort().flatMap((partition) => {
    const own = operations.filter((operation) => operation.partition === partition);
    const order = new VersionOrder(own);
    return [
      ...offsetsAgree(order),
      ...nothingTwice(order),
      ...nothingLost(own, order),
      ...onlyWhatWasSent(own, order),
      ...sendsInOrder(own, order),
      ...readsInOrder(own, order),
    ].map((found) => ({ ...found, partition }));
  });
}

type Found = Omit<Anomaly, 'partition'>;

/** Which value stands at which offset of a partition, as anybody saw it at any time. */
class VersionOrder {
  readonly valuesAt = new Map<number, Set<string>>();
  readonly offsetsOf = new Map<string, Set<number>>();
  readonly read = new Set<string>();

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      if (operation.kind === 'read') this.read.add(operation.value);
      if (operation.kind === 'read' || operation.kind === 'ok') this.add(operation);
    }
  }

  private add({ offset, value }: Read | SendCompleted): void {
    insert(this.valuesAt, offset, value);
    insert(this.offsetsOf, value, offset);
  }

  /** First offset at which a value was seen. */
  offsetOf(value: string): number | undefined {
    const offsets = this.offsetsOf.get(value);
    return offsets && Math.min(...offsets);
  }
}

function offsetsAgree({ valuesAt }: VersionOrder): Found[] {
  return [...valuesAt]
    .filter(([, values]) => values.size > 1)
    .map(([offset, values]) => ({
      kind: 'inconsistent offset',
      detail: `offset ${offset} held ${[...values].join(' and ')}`,
    }));
}

function nothingTwice({ offsetsOf }: VersionOrder): Found[] {
  return [...offsetsOf]
    .filter(([, offsets]) => offsets.size > 1)
    .map(([value, offsets]) => ({
      kind: 'duplicate',
      detail: `${value} at offsets ${[...offsets].join(' and ')}`,
    }));
}

function nothingLost(operations: readonly Operation[], order: VersionOrder): Found[] {
  let bound = -1;
  for (const value of order.read) bound = Math.max(bound, order.offsetOf(value) ?? -1);
  return operations
    .filter((operation): operation is SendCompleted => operation.kind === 'ok')
    .filter(({ value }) => !order.read.has(value))
    .map(({ value, offset }) => ({
      kind: offset <= bound ? 'lost' : 'unseen',
      detail: `${value} was acknowledged at offset ${offset}, reads went to ${bound}`,
    }));
}

function onlyWhatWasSent(operations: readonly Operation[], order: VersionOrder): Found[] {
  const sent = new Set(valuesOf(operations, 'invoke'));
  const failed = new Set(valuesOf(operations, 'fail'));
  return [...order.read].flatMap((value): Found[] => {
    if (!sent.has(value)) return [{ kind: 'unknown value', detail: `${value} was never sent` }];
    if (failed.has(value))
      return [{ kind: 'failed write read', detail: `${value} was refused, and is there` }];
    return [];
  });
}

function sendsInOrder(operations: readonly Operation[], order: VersionOrder): Found[] {
  const last = new Map<string, { value: string; offset: number }>();
  const found: Found[] = [];
  for (const operation of operations) {
    if (operation.kind !== 'invoke') continue;
    const { producer, value } = operation;
    const offset = order.offsetOf(value);
    if (offset === undefined) continue;
    const before = last.get(producer);
    if (before !== undefined && offset <= before.offset) {
      const detail = `${producer} sent ${before.value} before ${value}; offsets ${before.offset} and ${offset}`;
      found.push({ kind: 'send order', detail });
    }
    last.set(producer, { value, offset });
  }
  return found;
}

function readsInOrder(operations: readonly Operation[], order: VersionOrder): Found[] {
  const offsets = [...order.valuesAt.keys()].sort((one, other) => one - other);
  const indexOf = new Map(offsets.map((offset, index) => [offset, index]));
  const last = new Map<string, number>();
  const found: Found[] = [];
  for (const operation of operations) {
    if (operation.kind === 'seek') last.delete(operation.consumer);
    if (operation.kind !== 'read') continue;
    const { consumer, offset } = operation;
    const index = indexOf.get(offset) ?? -1;
    const before = last.get(consumer);
    if (before !== undefined && index <= before) {
      const detail = `${consumer} got offset ${offset} after ${offsets[before]}`;
      found.push({ kind: 'read backwards', detail });
    }
    if (before !== undefined && index > before + 1) {
      const detail = `${consumer} got offset ${offset} right after ${offsets[before]}; ${offsets[before + 1]} is there, too`;
      found.push({ kind: 'read skips', detail });
    }
    last.set(consumer, index);
  }
  return found;
}

function valuesOf(operations: readonly Operation[], kind: 'invoke' | 'fail'): string[] {
  return operations
    .filter((operation): operation is SendInvoked | SendCompleted => operation.kind === kind)
    .map(({ value }) => value);
}

function insert<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}
