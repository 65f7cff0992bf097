// What the producers and consumers of a real run saw, and what the checkers of packages/testkit say of it.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@zhumq/client';
import { History, formatEvents, judgeEvents } from '@zhumq/testkit';
import type { HistoryEvent, Outcome } from '@zhumq/testkit';
import { report } from './report.js';

export class RunHistory extends History {
  constructor() {
    super(() => performance.now());
  }

  get sent(): number {
    return this.of('send').length;
  }

  /** Number of sends that ended so; what was sent with acks none tells nothing. */
  ended(outcome: Outcome): number {
    const untold = new Set(
      this.of('send').flatMap(({ acks, value }) => (acks === 'none' ? [value] : [])),
    );
    return this.of('sent').filter((sent) => sent.outcome === outcome && !untold.has(sent.value))
      .length;
  }

  /** Acknowledged values that nobody read. */
  unread(): string[] {
    const read = new Set(
      this.of('poll').flatMap(({ records }) => records.map(([, value]) => value)),
    );
    return this.of('sent').flatMap(({ outcome, value }) =>
      outcome === 'ok' && !read.has(value) ? [value] : [],
    );
  }

  /** For reports. */
  tally(): string {
    const reads = this.of('poll').reduce((sum, { records }) => sum + records.length, 0);
    return (
      `${this.sent} sent, ${this.ended('ok')} acknowledged, ${this.ended('fail')} refused, ` +
      `${this.ended('unknown')} unknown, ${reads} reads`
    );
  }
}

/** Sentences, none of them when all is well; else the history is kept for npm run check. */
export function anomaliesOf(events: readonly HistoryEvent[]): string[] {
  const { violations, examples } = judgeEvents(events);
  if (violations === 0) return [];
  const file = join(tmpdir(), `zhumq-history-${process.pid}-${Date.now()}.jsonl`);
  writeFileSync(file, formatEvents(events));
  report(`${violations} violations; the history is kept in ${file}`);
  return examples.map(({ anomaly, topic, partition, sentence, lines }) => {
    return `${anomaly}: ${topic}-${partition}: ${sentence} (line ${lines.join(', ')})`;
  });
}

/** What became of a switch, as the cluster tells; to be called when it is over. */
export async function recordSwitch(history: History, client: Client, topic: string): Promise<void> {
  for (const details of await client.admin().describePartitions(topic)) {
    const { partition, generation, epoch, mode, leader, seal, lastSwitch } = details;
    if (lastSwitch === undefined) continue;
    const place = { topic, partition };
    history.record({
      ...{ kind: 'switch', ...place, to: lastSwitch.to, generation },
      phase: lastSwitch.done ? 'done' : 'aborted',
      ...(seal !== undefined && { sealEpoch: seal.epoch, sealOffset: seal.offset }),
    });
    if (leader >= 0)
      history.record({ kind: 'leader', ...place, broker: leader, epoch, generation, mode });
  }
}

/** In which mode each replica came to rest. */
export async function recordReplicas(
  history: History,
  client: Client,
  topic: string,
): Promise<void> {
  for (const { partition, replicaDetails } of await client.admin().describePartitions(topic)) {
    for (const { broker, mode, generation, logStart, highWatermark } of replicaDetails) {
      if (mode === undefined) continue;
      const replica = { broker, mode, generation, logStart, highWatermark };
      history.record({ kind: 'replica', topic, partition, ...replica });
    }
  }
}
