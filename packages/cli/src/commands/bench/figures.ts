// Figures for people.
import { formatBytes } from '@zhumq/base';
import type { LatencySummary, Spread, Verdict } from '@zhumq/bench';

export function perSecond(messages: number): string {
  return `${messages.toLocaleString('en-US')} messages/s`;
}

export function latencyLine(what: string, { p50, p99, p999, max }: LatencySummary): string {
  return `${what.padEnd(14)} p50 ${p50} ms, p99 ${p99} ms, p99.9 ${p999} ms, max ${max} ms`;
}

export function spreadLine(what: string, unit: string, spread: Spread | null): string {
  if (spread === null) return `${what.padEnd(14)} none`;
  const { count, min, p50, p99, max } = spread;
  return `${what.padEnd(14)} p50 ${p50} ${unit}, p99 ${p99} ${unit}, min ${min} ${unit}, max ${max} ${unit} (${count})`;
}

/** One line for each process. */
export function costLines(
  cpuSecondsPerMillion: Readonly<Record<string, number>>,
  peakRss: Readonly<Record<string, number>> = {},
): string[] {
  return Object.entries(cpuSecondsPerMillion).map(([name, seconds]) => {
    const memory = name in peakRss ? `, ${formatBytes(peakRss[name])} at most` : '';
    return `  ${name.padEnd(14)} ${seconds.toFixed(2)} CPU s per million${memory}`;
  });
}

export function verdictLines(verdict: Verdict): string[] {
  const { sent, acknowledged, lost, duplicated, corrupt, reordered } = verdict;
  return [
    `${verdict.verified ? 'verified' : 'NOT VERIFIED'}: ${sent} sent, ${acknowledged} acknowledged, ` +
      `${lost} lost, ${duplicated} duplicated, ${corrupt} corrupt, ${reordered} reordered`,
    ...Object.entries(verdict.failures).map(([code, count]) => `failed: ${count} x ${code}`),
  ];
}
