// What producers and consumers saw, in the order in which this process saw it: the only thing that the checker judges.
// It knows nothing of the product.

/** What became of a send: `info` means that nobody knows whether it was stored. */
export type Completion = 'ok' | 'fail' | 'info';

export interface SendInvoked {
  readonly kind: 'invoke';
  readonly producer: string;
  readonly partition: number;
  /** Unique in the whole history. */
  readonly value: string;
}

export interface SendCompleted {
  readonly kind: Completion;
  readonly producer: string;
  readonly partition: number;
  readonly value: string;
  /** Where it was stored; -1 unless `ok`. */
  readonly offset: number;
}

/** One message as a consumer got it. */
export interface Read {
  readonly kind: 'read';
  readonly consumer: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** A consumer begins (again) at an offset of its own choice: what it read before says nothing about what comes next. */
export interface Seek {
  readonly kind: 'seek';
  readonly consumer: string;
  readonly partition: number;
}

export type Operation = SendInvoked | SendCompleted | Read | Seek;

export class History {
  readonly operations: Operation[] = [];
  private readonly acknowledged = new Map<string, number>();

  record(operation: Operation): void {
    this.operations.push(operation);
    if (operation.kind === 'ok')
      this.acknowledged.set(operation.producer, this.acknowledgedBy(operation.producer) + 1);
  }

  /** Number of acknowledged sends of one producer so far. */
  acknowledgedBy(producer: string): number {
    return this.acknowledged.get(producer) ?? 0;
  }

  count(kind: Operation['kind']): number {
    return this.operations.filter((operation) => operation.kind === kind).length;
  }
}
