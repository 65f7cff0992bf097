// Every operation of a workload, every fault: which cases there are, and what comes of them. Crashes are judged on copies
// of the disk that one run leaves behind; an error changes what follows, so each is a run of its own.
import { systemFaultOf, systemFaults } from './disk-errors.js';
import { judgePoint, pointsOfRecovery } from './crash-point.js';
import type { CrashPoint } from './crash-point.js';
import { nameOf, workloadOf } from './fault-case.js';
import type { FaultCase, FaultName } from './fault-case.js';
import { OUTCOMES } from './power-loss.js';
import { ScriptedRun } from './scripted-run.js';
import type { RunReport } from './scripted-run.js';
import { changesDisk } from './watched-disk.js';
import type { DiskOperation } from './watched-disk.js';

/** What is tried after an operation: less than before the next one, which nearly is the same moment. */
const AFTER: readonly string[] = ['kill', 'none', 'some1'];
const TORN: readonly string[] = ['none', 'all'];
const AFTER_ERROR: readonly string[] = ['kill', 'none', 'some0'];
const SECOND: readonly string[] = ['none', 'all', 'some2'];
/** Every so many operations the recovery is crashed, too. */
const RECOVERY_STRIDE = 16;
const SECTOR_BYTES = 512;

export interface EnumerationOptions {
  readonly seed: number;
  /** Every so many operations, from one that the seed says on. */
  readonly stride: number;
  readonly onViolation: (fault: string, violations: readonly string[]) => void;
}

export interface EnumerationReport {
  readonly operations: number;
  readonly cases: number;
  readonly recoveries: number;
  readonly violations: number;
  /** By kind of operation, so that nobody believes in one that the workload never does. */
  readonly operationKinds: Readonly<Record<string, number>>;
  /** Runs in which an error of the disk was refused, failed a replica, or ended the broker. */
  readonly errorsNoticed: number;
}

export class Enumeration {
  private cases = 0;
  private recoveries = 0;
  private violations = 0;
  private errorsNoticed = 0;
  private readonly unhandled: string[] = [];

  constructor(private readonly options: EnumerationOptions) {}

  async run(): Promise<EnumerationReport> {
    const { seed, stride } = this.options;
    return this.watchingRejections(async () => {
      const { operations, report } = await this.record((index) => index % stride === seed % stride);
      this.tell(nameOf(workloadOf(seed)), report.violations);
      const kinds: Record<string, number> = {};
      for (const { operation } of operations) {
        kinds[operation.kind] = (kinds[operation.kind] ?? 0) + 1;
      }
      for (const [at, { before, after, operation }] of operations.entries()) {
        if (before !== undefined) await this.crash(before, after, at % RECOVERY_STRIDE === 0);
        if (operation.index % stride !== seed % stride) continue;
        for (const fault of systemFaults(operation)) await this.fail(operation, fault);
      }
      return this.reportOf(report.operations, kinds);
    });
  }

  /** One case, as a violation named it. */
  async replay(fault: FaultCase): Promise<EnumerationReport> {
    return this.watchingRejections(async () => {
      const { operations, report } = await this.record((index) => index === fault.operation);
      if (fault.kind === 'workload') {
        this.cases++;
        this.tell(nameOf(fault), report.violations);
        return this.reportOf(report.operations, {});
      }
      const found = operations.find(({ operation }) => operation.index === fault.operation);
      if (found === undefined) throw new Error(`the workload has no operation ${fault.operation}`);
      if (fault.kind === 'error')
        await this.fail(found.operation, fault.fault ?? 'EIO', [fault.outcome]);
      else await this.replayCrash(fault, found.before, found.after);
      return this.reportOf(report.operations, { [found.operation.kind]: 1 });
    });
  }

  private reportOf(
    operations: number,
    operationKinds: EnumerationReport['operationKinds'],
  ): EnumerationReport {
    const { cases, errorsNoticed, recoveries, violations } = this;
    return { operations, cases, recoveries, violations, operationKinds, errorsNoticed };
  }

  private async replayCrash(
    fault: FaultCase,
    before: CrashPoint | undefined,
    after: CrashPoint | undefined,
  ): Promise<void> {
    const { kind, outcome, bytes, second, seed } = fault;
    const point = kind === 'after' ? after : before;
    if (point === undefined)
      throw new Error(`operation ${fault.operation} does not change the disk`);
    if (second === undefined) {
      await this.judge(fault, point, outcome, bytes);
      return;
    }
    const points = await pointsOfRecovery(point, outcome, seed);
    const inner = points.find(({ operation }) => operation.index === second.operation);
    if (inner === undefined) throw new Error(`that recovery has no operation ${second.operation}`);
    await this.judge(fault, inner, second.outcome);
  }

  /** Runs the workload without a fault and keeps the moments that are chosen. */
  private async record(isChosen: (index: number) => boolean): Promise<Recording> {
    const { seed } = this.options;
    const operations: RecordedOperation[] = [];
    const byIndex = new Map<number, RecordedOperation>();
    const run: ScriptedRun = new ScriptedRun(
      seed,
      {
        before: (operation) => {
          const isKept = changesDisk(operation) && isChosen(operation.index);
          const recorded = { operation, before: isKept ? pointOf(run, operation) : undefined };
          operations.push(recorded);
          byIndex.set(operation.index, recorded);
          return undefined;
        },
        after: (operation) => {
          const recorded = byIndex.get(operation.index);
          if (recorded?.before !== undefined) recorded.after = pointOf(run, operation);
        },
      },
      false,
    );
    const report = await run.run();
    const refused = report.refusals.map(
      (error) => `without a fault a call is refused: ${String(error)}`,
    );
    return { operations, report: { ...report, violations: [...report.violations, ...refused] } };
  }

  private async crash(
    before: CrashPoint,
    after: CrashPoint | undefined,
    isSample: boolean,
  ): Promise<void> {
    const { seed } = this.options;
    const place = { seed, operation: before.operation.index };
    for (const outcome of OUTCOMES) {
      await this.judge({ ...place, kind: 'before', outcome }, before, outcome);
    }
    for (const outcome of after === undefined ? [] : AFTER) {
      await this.judge({ ...place, kind: 'after', outcome }, after ?? before, outcome);
    }
    for (const bytes of tornLengths(before.operation)) {
      for (const outcome of TORN) {
        await this.judge({ ...place, kind: 'torn', outcome, bytes }, before, outcome, bytes);
      }
    }
    if (!isSample) return;
    for (const outcome of ['kill', 'none', 'some0']) {
      for (const inner of await pointsOfRecovery(before, outcome, seed)) {
        for (const next of SECOND) {
          const second = { operation: inner.operation.index, outcome: next };
          await this.judge({ ...place, kind: 'again', outcome, second }, inner, next);
        }
      }
    }
  }

  private async judge(
    fault: FaultCase,
    point: CrashPoint,
    outcome: string,
    tornBytes?: number,
  ): Promise<void> {
    const verdict = await judgePoint(point, outcome, fault.seed, tornBytes);
    this.cases++;
    this.recoveries += verdict.recoveries;
    this.tell(nameOf(fault), verdict.violations, point.operation);
  }

  /** The workload once more, with an error of the disk at one operation. */
  private async fail(
    operation: DiskOperation,
    fault: FaultName,
    outcomes = AFTER_ERROR,
  ): Promise<void> {
    const { seed } = this.options;
    const { index } = operation;
    const run: ScriptedRun = new ScriptedRun(
      seed,
      {
        before: (next) => (next.index === index ? systemFaultOf(next, fault) : undefined),
        after: () => undefined,
      },
      true,
    );
    const { disk, host, refusals, violations } = await run.run();
    const hasFailed = host.fatal !== undefined;
    const pledges = host.pledges();
    if (refusals.length > 0 || hasFailed || pledges.replicas.some((pledge) => pledge.hasFailed)) {
      this.errorsNoticed++;
    }
    this.cases++;
    this.tell(
      nameOf({ seed, operation: index, kind: 'error', fault, outcome: 'kill' }),
      violations,
    );
    for (const outcome of violations.length > 0 ? [] : outcomes) {
      const point = { disk, pledges, operation, diskFailed: true };
      await this.judge({ seed, operation: index, kind: 'error', fault, outcome }, point, outcome);
    }
  }

  private tell(name: string, found: readonly string[], operation?: DiskOperation): void {
    const violations = [...found, ...this.unhandled.splice(0)];
    if (violations.length === 0) return;
    this.violations++;
    const where = operation && `at the ${operation.kind} of ${operation.path}`;
    this.options.onViolation(name, where === undefined ? violations : [where, ...violations]);
  }

  private async watchingRejections<T>(action: () => Promise<T>): Promise<T> {
    const note = (error: unknown): void => {
      const stack = error instanceof Error ? error.stack : String(error);
      this.unhandled.push(`a rejection that nobody handles: ${stack}`);
    };
    process.on('unhandledRejection', note);
    try {
      return await action();
    } finally {
      process.off('unhandledRejection', note);
    }
  }
}

interface RecordedOperation {
  readonly operation: DiskOperation;
  /** undefined: not chosen, or the disk stays as it is. */
  readonly before: CrashPoint | undefined;
  after?: CrashPoint;
}

interface Recording {
  readonly operations: readonly RecordedOperation[];
  readonly report: RunReport;
}

function pointOf({ disk, host }: ScriptedRun, operation: DiskOperation): CrashPoint {
  return { disk: disk.fork(), pledges: host.pledges(), operation };
}

/** Where a write breaks off: inside its first bytes, at and around the sectors of the file, before its last byte. */
function tornLengths({ position, content }: DiskOperation): number[] {
  const bytes = content?.length ?? 0;
  const lengths = new Set([1, 44, bytes >> 1, bytes - 1]);
  for (let at = SECTOR_BYTES - (position % SECTOR_BYTES); at < bytes; at += SECTOR_BYTES) {
    lengths.add(at);
  }
  return [...lengths].filter((length) => length > 0 && length < bytes).sort((a, b) => a - b);
}
