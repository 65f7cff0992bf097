// What is said of a run: the last line, the row of the ledger, and text for people.
import { appendFileSync } from 'node:fs';
import type { Tally, ResumeFigures } from './tally.js';
import type { Verdict } from '../check/judge.js';

export interface RunReport {
  readonly seed: number;
  readonly commit: string;
  /** Of the rounds. */
  readonly durationSeconds: number;
  readonly network: 'namespaces' | 'proxies';
  readonly brokers: number;
  /** By nemesis. */
  readonly rounds: Readonly<Record<string, number>>;
  /** Rounds in which processes got SIGKILL. */
  readonly killRounds: number;
  readonly partitions: number;
  /** Asked for, and not possible on this machine. */
  readonly leftOut: readonly string[];
  readonly switches: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly events: number;
  /** By kind. */
  readonly anomalies: Readonly<Record<string, number>>;
  /** What else went wrong, one sentence each. */
  readonly failures: readonly string[];
  readonly resumeMs: Readonly<Record<string, ResumeFigures>>;
  readonly otherResumeMs: Readonly<Record<string, ResumeFigures>>;
  /** Rounds in which somebody had to wait for the end of the fault who should not have had to. */
  readonly stalled: number;
  /** Where everything of a run that failed is kept. */
  readonly artifacts?: string;
  readonly verdict: 'clean' | 'not clean';
}

export interface RunFacts {
  readonly seed: number;
  readonly commit: string;
  readonly durationSeconds: number;
  readonly network: 'namespaces' | 'proxies';
  readonly brokers: number;
  readonly leftOut: readonly string[];
  readonly switches: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly failures: readonly string[];
}

/** `verdict` undefined: the history could not be judged, which `failures` tell of. */
export function reportOf(facts: RunFacts, tally: Tally, verdict: Verdict | undefined): RunReport {
  const { rounds, killRounds, partitions, stalled, resumeMs, otherResumeMs } = tally;
  const counts = Object.values(verdict?.events ?? {});
  const isClean = verdict?.violations === 0 && facts.failures.length === 0;
  return {
    ...facts,
    ...{ rounds, killRounds, partitions, stalled, resumeMs, otherResumeMs },
    events: counts.reduce((sum, count) => sum + count, 0),
    anomalies: { ...verdict?.anomalies },
    verdict: isClean ? 'clean' : 'not clean',
  };
}

/** For people. */
export function formatReport(report: RunReport): string {
  return Object.entries(report)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n');
}

/** A row of the table in docs/testing-faults.md; nothing for a run that came to no round. */
export function appendToLedger(file: string, report: RunReport, nemeses: string): void {
  const { seed, commit, durationSeconds, brokers, network, killRounds, partitions } = report;
  const rounds = Object.values(report.rounds).reduce((sum, count) => sum + count, 0);
  if (rounds === 0) return;
  const anomalies = Object.values(report.anomalies).reduce((sum, count) => sum + count, 0);
  const cells = [
    ...[seed, commit, `${Math.round(durationSeconds / 60)} min`, brokers, network, nemeses, rounds],
    ...[killRounds, partitions, report.acknowledged, report.switches],
    ...[
      anomalies + report.failures.length,
      figure(report, 'raft/all'),
      figure(report, 'fetch/all'),
    ],
  ];
  appendFileSync(file, `| ${cells.join(' | ')} |\n`);
}

function figure({ resumeMs }: RunReport, name: string): string {
  if (!Object.hasOwn(resumeMs, name)) return '-';
  const { p50, p99, longest, late, rounds } = resumeMs[name];
  return `${p50} / ${p99} / ${longest} (${late ?? 0} of ${rounds})`;
}
