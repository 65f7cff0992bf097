// A verdict for people.
import { ANOMALIES } from './violation.js';
import type { Verdict } from './judge.js';
import type { Anomaly, Violation } from './violation.js';

/** Examples of one anomaly that are told. */
const TOLD = 5;

export function formatVerdict({ run, events, violations, anomalies, examples }: Verdict): string {
  const counted = Object.entries(events).map(([kind, count]) => `${count} ${kind}`);
  const lines = [
    ...(run === '' ? [] : [`run: ${run}`]),
    `events: ${counted.length === 0 ? 'none' : counted.join(', ')}`,
  ];
  for (const [name, count] of Object.entries(anomalies)) {
    const anomaly = name as Anomaly;
    lines.push('', `${anomaly}: ${count} (${ANOMALIES[anomaly]})`);
    const own = examples.filter((found) => found.anomaly === anomaly).slice(0, TOLD);
    lines.push(...own.map((found) => `  ${formatViolation(found)}`));
    if (count > own.length) lines.push(`  … and ${count - own.length} more`);
  }
  lines.push('', total(violations));
  return `${lines.join('\n')}\n`;
}

function total(violations: number): string {
  if (violations === 0) return 'no anomalies';
  return violations === 1 ? '1 violation' : `${violations} violations`;
}

function formatViolation({ topic, partition, lines, sentence }: Violation): string {
  const where = lines.length === 0 ? '' : ` (line ${lines.join(', ')})`;
  return `${topic}-${partition}: ${sentence}${where}`;
}
