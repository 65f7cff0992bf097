// Decisions that are larger than a batch of the log. They are written in parts, one batch each, and count when the last one
// is there: a decision is all or nothing whatever its size, and whatever happens between two of its parts. The parts stand
// one after the other in the log, because they are proposed in one turn, so no snapshot stands between them.
import { randomId } from '@zhumq/base';
import type { StateRecord } from '../state-machine/state-machine.js';
import { groupError } from './decision.js';
import { encodePart } from './group-records.js';
import type { DecisionPart, NamedChange } from './group-records.js';

/** Bytes of the keys and values of a part; what surrounds them in a batch is less than as much again. */
const PART_BYTES = 256 * 1024;
/** Of a whole decision: it is held in memory until its last part is there. */
const MAX_DECISION_BYTES = 8 * 2 ** 20;
/** Around a record in a batch, at most. */
const RECORD_OVERHEAD_BYTES = 32;

/** The records as they are to be proposed, one proposal for each part. Throws MESSAGE_TOO_LARGE. */
export function partsOf(
  group: string,
  records: readonly StateRecord[],
): readonly (readonly StateRecord[])[] {
  const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
  if (bytes <= PART_BYTES) return [records];
  if (bytes > MAX_DECISION_BYTES) throw tooLarge(group, bytes);
  const parts: StateRecord[][] = [];
  let room = 0;
  for (const record of records) {
    room -= sizeOf(record);
    if (room < 0 || parts.length === 0) {
      parts.push([]);
      room = PART_BYTES - sizeOf(record);
    }
    parts[parts.length - 1].push(record);
  }
  const decision = randomId();
  return parts.map((part, index) => {
    const about = { decision, index, parts: parts.length, records: part.length };
    return [encodePart(group, { kind: 'part', ...about }), ...part];
  });
}

/** Settles when it is certain what became of every part; rejects when one is missing. */
export async function proposeAll(
  parts: readonly (readonly StateRecord[])[],
  propose: (records: readonly StateRecord[]) => Promise<unknown>,
): Promise<void> {
  const outcomes = await Promise.allSettled(parts.map(propose));
  const failures = outcomes.filter(
    ({ status }) => status === 'rejected',
  ) as PromiseRejectedResult[];
  if (failures.length > 0) throw failures[0].reason;
}

/** Puts the parts of a decision together as they come out of the log. */
export class PartsCollector {
  private decision = '';
  /** The part that is expected next. */
  private nextIndex = 0;
  private parts = 0;
  /** Records that the present part still has. */
  private left = 0;
  private changes: NamedChange[] = [];

  /** Whether the next record is of a part. */
  get isInPart(): boolean {
    return this.left > 0;
  }

  begin({ decision, index, parts, records }: DecisionPart): void {
    const isNext = decision === this.decision && index === this.nextIndex && parts === this.parts;
    // What the parts before belonged to never came to its end, or this one has no beginning: then it counts for nothing.
    if (!isNext) this.clear();
    if (isNext || index === 0) {
      this.decision = decision;
      this.parts = parts;
      this.nextIndex = index + 1;
    }
    this.left = records;
  }

  /** A record of a part; gives the changes of the whole decision with the last one. Undefined: of an unknown kind. */
  add(change: NamedChange | undefined): readonly NamedChange[] {
    this.left--;
    if (change !== undefined && this.decision !== '') this.changes.push(change);
    if (this.left > 0 || this.decision === '' || this.nextIndex < this.parts) return [];
    const { changes } = this;
    this.clear();
    return changes;
  }

  clear(): void {
    this.decision = '';
    this.nextIndex = this.parts = this.left = 0;
    this.changes = [];
  }
}

function sizeOf({ key, value }: StateRecord): number {
  return key.length + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
}

function tooLarge(group: string, bytes: number): Error {
  const limit = MAX_DECISION_BYTES;
  return groupError(
    'MESSAGE_TOO_LARGE',
    group,
    `would have to record ${bytes} bytes at once, more than ${limit}: commit or reset fewer partitions at a time and with shorter metadata, or have fewer members and topics in one group`,
    { bytes, limit },
  );
}
