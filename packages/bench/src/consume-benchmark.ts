// bench consume: how fast what is there is read, by one consumer or many, from memory or from the disk.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { randomId } from '@zhumq/base';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import { UsageMeter } from './cluster/process-usage.js';
import type { ReadOutcome } from './load/jobs.js';
import { LoadFleet } from './load/load-fleet.js';
import { produce } from './produce-phase.js';
import type { ProduceLoadSettings } from './produce-phase.js';
import { read, readJob, topicEnds } from './read-phase.js';
import { LOOK_MS, megabytes, perMillion, rounded, withTopic } from './run.js';
import type { Run, TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface ConsumeSettings extends TopicSettings, ProduceLoadSettings {
  readonly consumers: number;
  readonly delivery: 'pull' | 'push';
  /** The consumers share the messages and commit; otherwise each reads them all. */
  readonly group: boolean;
  /** The machine's page cache is dropped before (Linux, root). */
  readonly cold: boolean;
}

export interface ConsumeResult extends Verdict {
  readonly benchmark: 'consume';
  /** Of all consumers together, from the first one's beginning to the last one's end. */
  readonly messagesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly seconds: number;
  readonly messages: number;
  /** Bytes that brokers read from the disk for each byte of a message delivered. */
  readonly diskBytesPerByte: number;
  readonly cpuSecondsPerMillion: Readonly<Record<string, number>>;
  readonly peakRss: Readonly<Record<string, number>>;
  readonly settings: ConsumeSettings & { readonly brokers: number };
}

export function benchConsume(
  cluster: ClusterChoice,
  settings: ConsumeSettings,
  watch: Watch,
): Promise<ConsumeResult> {
  return withTopic(cluster, settings, watch, async (run) => {
    const { outcomes } = await produce(run, settings);
    if (settings.cold) dropPageCache();
    const acknowledged = judge(outcomes, [], settings.acks).acknowledged;
    const { reads, meter } = await consume(run, settings, acknowledged);
    const seconds = secondsOf(reads);
    const messages = reads.reduce((sum, outcome) => sum + outcome.messages, 0);
    // Each reader without a group has to have everything; of a group, all of them together.
    const sets = settings.group ? [reads] : reads.map((one) => [one]);
    const promise = settings.group ? 'at least once' : 'once';
    const verdicts = sets.map((set) => judge(outcomes, set, settings.acks, promise));
    return {
      benchmark: 'consume',
      messagesPerSecond: Math.round(messages / seconds),
      megabytesPerSecond: megabytes(messages / seconds, settings.messageBytes),
      ...{ seconds: rounded(seconds, 3), messages },
      ...(verdicts.find(({ verified }) => !verified) ?? verdicts[0]),
      diskBytesPerByte: rounded(
        meter.diskBytesRead() / Math.max(1, messages * settings.messageBytes),
        3,
      ),
      cpuSecondsPerMillion: perMillion(meter.cpuSeconds(), messages),
      peakRss: meter.peakRss(),
      settings: { ...settings, brokers: cluster.brokers },
    };
  });
}

async function consume(
  run: Run,
  { consumers, delivery, group, messageBytes }: ConsumeSettings,
  acknowledged: number,
): Promise<{ reads: ReadOutcome[]; meter: UsageMeter }> {
  const ends = await topicEnds(run);
  const job = group
    ? { ...readJob(run, messageBytes), delivery, group: `bench-${randomId().slice(0, 12)}` }
    : { ...readJob(run, messageBytes), delivery, ends };
  const fleet = new LoadFleet('consumer', Array<typeof job>(consumers).fill(job));
  try {
    await fleet.ready();
    const meter = new UsageMeter([...run.cluster.processes, ...fleet.processes]);
    fleet.tell({ order: 'measure' });
    // Nobody in a group knows when all of it has everything.
    if (group) await untilRead(run, fleet, acknowledged);
    const reads = await read(run, fleet, ends, 'consuming', group ? 1 : consumers);
    return { reads, meter };
  } finally {
    fleet.kill();
  }
}

async function untilRead(
  { progress, signal }: Run,
  fleet: LoadFleet<'read'>,
  messages: number,
): Promise<void> {
  while (fleet.messages < messages) {
    progress('consuming', fleet.messages / messages);
    await delay(LOOK_MS, undefined, { signal });
  }
  fleet.tell({ order: 'stop' });
}

/** From the first reader's beginning to the last one's last message. */
function secondsOf(reads: readonly ReadOutcome[]): number {
  const began = Math.min(...reads.map(({ beganUs }) => beganUs));
  const ended = Math.max(...reads.map(({ lastUs }) => lastUs));
  return Math.max(1e-3, (ended - began) / 1e6);
}

/** Throws where the machine does not allow it. */
function dropPageCache(): void {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(
      `the page cache could not be dropped (${why}); leave --cold out, or be root on Linux`,
    );
  }
}
