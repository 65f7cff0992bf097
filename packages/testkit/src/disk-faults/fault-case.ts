// Which fault, where, and what is left: the name of a case, by which it can be run again.
//
//   SEED:OPERATION:before:OUTCOME            the machine fails before the operation
//   SEED:OPERATION:after:OUTCOME             and after it
//   SEED:OPERATION:torn:BYTES:OUTCOME        of a write so many bytes reach the disk; OUTCOME of what was unsynced before
//   SEED:OPERATION:again:OUTCOME:N:OUTCOME   before the operation, and once more before operation N of the recovery
//   SEED:OPERATION:error:FAULT:OUTCOME       the operation fails; the machine at the end of the workload
//   SEED:0:workload                          none: the workload itself, its stops and starts
export interface FaultCase {
  readonly seed: number;
  readonly operation: number;
  readonly kind: FaultKind;
  readonly outcome: string;
  /** Of `torn`. */
  readonly bytes?: number;
  /** Of `error`. */
  readonly fault?: FaultName;
  /** Of `again`. */
  readonly second?: { readonly operation: number; readonly outcome: string };
}

export type FaultKind = 'before' | 'after' | 'torn' | 'again' | 'error' | 'workload';
export type FaultName = 'EIO' | 'ENOSPC' | 'short' | 'drop';

/** The workload of a seed without a fault. */
export function workloadOf(seed: number): FaultCase {
  return { seed, operation: 0, kind: 'workload', outcome: '' };
}

export function nameOf(fault: FaultCase): string {
  if (fault.kind === 'workload') return `${fault.seed}:0:workload`;
  const { seed, operation, kind, bytes, second } = fault;
  const detail = bytes === undefined ? [] : [bytes];
  const failure = fault.fault === undefined ? [] : [fault.fault];
  const again = second === undefined ? [] : [second.operation, second.outcome];
  return [seed, operation, kind, ...detail, ...failure, fault.outcome, ...again].join(':');
}

/** Throws with a sentence for people. */
export function parseCase(name: string): FaultCase {
  const workload = /^(\d+):0:workload$/.exec(name);
  if (workload !== null) return workloadOf(Number(workload[1]));
  const match =
    /^(\d+):(\d+):(?:(before|after):(\w+)|torn:(\d+):(\w+)|again:(\w+):(\d+):(\w+)|error:(EIO|ENOSPC|short|drop):(\w+))$/.exec(
      name,
    );
  if (match === null) {
    throw new Error(`--case ${name}: it takes what a violation printed, such as 1:345:before:none`);
  }
  const [seed, operation] = [Number(match[1]), Number(match[2])];
  const groups = match.slice(3) as (string | undefined)[];
  const [when, outcome, bytes, tornOutcome, first, at, then, fault, errorOutcome] = groups;
  const place = { seed, operation };
  if (when !== undefined) {
    return { ...place, kind: when as FaultKind, outcome: outcome as string };
  }
  if (bytes !== undefined) {
    return { ...place, kind: 'torn', bytes: Number(bytes), outcome: tornOutcome as string };
  }
  if (first !== undefined) {
    const second = { operation: Number(at), outcome: then as string };
    return { ...place, kind: 'again', outcome: first, second };
  }
  const kind = 'error';
  return { ...place, kind, fault: fault as FaultName, outcome: errorOutcome as string };
}
