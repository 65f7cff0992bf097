// What became of a switch of mode, partition by partition: data, a sentence for what did not work, and the exit code.
import type { PartitionSwitch, ReplicationMode } from '@zhumq/client';
import { EXIT } from '../../../exit-codes.js';
import { counted } from '../../../output.js';

/** How far the command looked on: until it was begun, checked only, until its end, or until its time was over. */
export type Looked = 'begun' | 'dry-run' | 'to-the-end' | 'timed-out';

/** The form that docs/cli.md promises. */
export interface SwitchResult {
  readonly partition: number;
  readonly from: ReplicationMode;
  readonly to: ReplicationMode;
  /** done, refused, given-up, timed-out; begun without --wait; would-begin, or under-way already, in a dry run. */
  readonly outcome: string;
  /** The step that the switch is at; done, refused or given-up at its end. */
  readonly step: string;
  /** Empty when there is nothing to say. */
  readonly reason: string;
  /** The mode at present. */
  readonly mode: ReplicationMode;
  readonly generation: number;
  /** From its beginning to its end, as seen from here; null when it was not looked at to its end. */
  readonly durationMs: number | null;
}

const OPEN: Readonly<Record<Looked, string>> = {
  begun: 'begun',
  'dry-run': 'would-begin',
  'to-the-end': 'timed-out',
  'timed-out': 'timed-out',
};

export function resultOf(
  one: PartitionSwitch,
  from: ReplicationMode,
  looked: Looked,
  durationMs: number | undefined,
): SwitchResult {
  const { partition, to, state, ended, reason, mode, generation } = one;
  const outcome = ended ? state : isUnderWay(one, looked) ? 'under-way' : OPEN[looked];
  const timed = looked === 'to-the-end' || looked === 'timed-out';
  const took = ended && timed ? (durationMs ?? 0) : null;
  return { partition, from, to, outcome, step: state, reason, mode, generation, durationMs: took };
}

/** Only a switch that has begun has an identity: a dry run gives that of the one that goes on already. */
function isUnderWay({ id }: PartitionSwitch, looked: Looked): boolean {
  return looked === 'dry-run' && id !== '';
}

const GOOD: ReadonlySet<string> = new Set(['done', 'begun', 'would-begin', 'under-way']);

export interface Attempt {
  readonly topic: string;
  readonly dryRun: boolean;
  readonly waitedMs: number;
}

/** A sentence for a partition that did not get where it should; undefined for one that did. */
export function complaint(
  { topic, dryRun, waitedMs }: Attempt,
  result: SwitchResult,
): string | undefined {
  const { partition, to, outcome, step, mode, reason } = result;
  if (GOOD.has(outcome)) return undefined;
  const place = `${topic}-${partition}`;
  const why = reason === '' ? '' : `: ${reason}`;
  const was = dryRun ? 'would be' : 'was';
  // It is in that mode, but on its way out of it, or just coming back.
  if (outcome === 'refused' && mode === to)
    return `${place} is in mode ${mode} at present, but a switch to ${to} ${was} refused${why}`;
  if (outcome === 'refused')
    return `the switch of ${place} to ${to} ${was} refused${why}; it stays in mode ${mode}`;
  if (outcome === 'given-up')
    return `the switch of ${place} to ${to} was given up${why}; it is in mode ${mode}`;
  return `the switch of ${place} to ${to} did not end within ${waitedMs / 1000} s; it is at the step "${step}"${why}, and goes on without this command. "zhumq partition describe ${topic} --partition ${partition}" shows which replicas are missing; the same command with a longer --timeout looks on`;
}

export function exitCodeFor(results: readonly SwitchResult[]): number {
  const good = results.filter(({ outcome }) => GOOD.has(outcome)).length;
  if (good === results.length) return EXIT.ok;
  if (good > 0) return EXIT.partial;
  return results.some(({ outcome }) => outcome === 'timed-out') ? EXIT.timeout : EXIT.failed;
}

/** `2 done, 1 refused`. */
export function summary(results: readonly SwitchResult[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
  return `${counted(results.length, 'partition')}: ${parts.join(', ')}`;
}
