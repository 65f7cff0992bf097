// Switches between replication modes: begins them, and looks on. The zkserver carries them on, with or without us.
import { Deadline, delay } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { isError } from '@zhumq/model';
import type { ReplicationMode } from '@zhumq/model';
import type { PartitionSwitch as WireSwitch } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { PartitionSwitch, SwitchMode } from '../api/mode-switch.js';
import type { Cluster } from '../cluster/cluster.js';
import { errorWithOutcome, forGood } from '../errors.js';
import { choiceOption, durationOption, integerOption } from '../option-values.js';
import { modeName, modeNumber } from '../replication-mode.js';
import { callController, limitsOf } from './controller-calls.js';

const ENDED: ReadonlySet<string> = new Set(['done', 'refused', 'given-up']);
const ALL_PARTITIONS = -1;
const MAX_PARALLEL = 1000;
const WATCH_TIMEOUT = '5m';
/** A switch of one partition takes milliseconds; one of many may take minutes. */
const LOOK_SOON_MS = 25;
const LOOK_LATER_MS = 250;
const SOON_MS = 3000;

export async function switchMode(
  cluster: Cluster,
  wanted: SwitchMode,
  options: CallOptions,
): Promise<readonly PartitionSwitch[]> {
  const timeout = durationOption('wait', wanted.wait, 0);
  if (timeout === 0) return begin(cluster, wanted, options);
  let known: readonly PartitionSwitch[] = [];
  try {
    for await (known of watchSwitch(cluster, wanted, { ...options, timeout }));
  } catch (error) {
    if (known.length === 0 || !isError(error, 'TIMEOUT')) throw error;
  }
  return known;
}

async function begin(
  cluster: Cluster,
  wanted: SwitchMode,
  options: CallOptions,
): Promise<PartitionSwitch[]> {
  const { topic, dryRun = false } = wanted;
  const partition = partitionOf(wanted);
  const to = modeNumber(choiceOption('to', wanted.to, wanted.to, ['raft', 'fetch']));
  const parallel = integerOption('parallel', wanted.parallel, 0, { min: 0, max: MAX_PARALLEL });
  const limits = limitsOf(cluster, options, `topic ${topic} could not be switched to ${wanted.to}`);
  try {
    const begun = await callController(cluster, limits, (client, timeoutMs) =>
      certain(
        client.switchMode(
          { topic, partition, to, parallel, dryRun },
          { timeoutMs, signal: options.signal },
        ),
      ),
    );
    return begun.map((one) => asked(describeSwitchOf(one), wanted.to)).toSorted(byPartition);
  } catch (error) {
    if (!isError(error, 'SWITCH_REFUSED') || partition === ALL_PARTITIONS) throw error;
    return refusedBy(error, await describeSwitch(cluster, wanted, options), wanted.to);
  }
}

export async function describeSwitch(
  cluster: Cluster,
  which: { readonly topic: string; readonly partition?: number },
  options: CallOptions,
): Promise<PartitionSwitch[]> {
  const { topic } = which;
  const partition = partitionOf(which);
  const limits = limitsOf(cluster, options, `the switches of topic ${topic} could not be read`);
  const found = await callController(cluster, limits, (client, timeoutMs) =>
    certain(client.describeSwitch(topic, partition, { timeoutMs, signal: options.signal })),
  );
  return found.map(describeSwitchOf).toSorted(byPartition);
}

/** Begins as switchMode() does; gives all its partitions again whenever one of them has gone on, until all have ended. */
export async function* watchSwitch(
  cluster: Cluster,
  wanted: SwitchMode,
  options: CallOptions,
): AsyncGenerator<readonly PartitionSwitch[], void, undefined> {
  const { clock } = cluster.options;
  const timeoutMs = durationOption('timeout', options.timeout, WATCH_TIMEOUT);
  const deadline = Deadline.after(clock, timeoutMs);
  const startedMs = clock.monotonicMs();
  const call = (): CallOptions => ({ ...options, timeout: Math.max(1, deadline.remainingMs()) });
  let known: readonly PartitionSwitch[] = await begin(cluster, wanted, call());
  yield known;
  while (wanted.dryRun !== true && known.some(({ ended }) => !ended)) {
    const soon = clock.monotonicMs() - startedMs < SOON_MS;
    await delay(clock, soon ? LOOK_SOON_MS : LOOK_LATER_MS, options.signal);
    if (deadline.expired) throw stillOpen(wanted, known, timeoutMs);
    const found = await describeSwitch(cluster, wanted, call());
    const latest = known.map((one) => advanced(one, found));
    const changed = latest.some((one, index) => one !== known[index]);
    known = latest;
    if (changed) yield known;
  }
}

/** What has ended stays as it ended; a refusal is recorded nowhere else. */
function advanced(known: PartitionSwitch, found: readonly PartitionSwitch[]): PartitionSwitch {
  const latest = found.find(({ partition }) => partition === known.partition);
  if (known.ended || latest === undefined) return known;
  if (latest.to !== known.to) return asked(latest, known.to);
  const same =
    latest.state === known.state &&
    latest.reason === known.reason &&
    latest.generation === known.generation;
  return same ? known : latest;
}

/** What is said of another switch means that ours is not to be had any more. */
function asked(one: PartitionSwitch, to: ReplicationMode): PartitionSwitch {
  if (one.to === to) return one;
  const reason = `a switch to ${one.to} has taken its place`;
  return { ...one, to, state: 'given-up', ended: true, reason };
}

/** One partition alone is refused by an error; of several each has its own answer. */
function refusedBy(
  error: ZhumqError,
  states: readonly PartitionSwitch[],
  to: ReplicationMode,
): PartitionSwitch[] {
  const reason = String(error.context.reason ?? error.message);
  return states.map((one) => ({ ...one, to, state: 'refused', ended: true, reason, id: '' }));
}

function stillOpen(
  { topic, to }: SwitchMode,
  known: readonly PartitionSwitch[],
  timeoutMs: number,
): Error {
  const open = known.filter(({ ended }) => !ended).map(({ partition }) => partition);
  return errorWithOutcome(
    'unknown',
    'TIMEOUT',
    `the switch of topic ${topic} to ${to} did not end within ${timeoutMs} ms; it goes on for ${open.length} of ${known.length} partitions`,
    { topic, to, partitions: open.slice(0, 100).join(',') },
  );
}

function partitionOf({ partition }: { readonly partition?: number }): number {
  if (partition === undefined) return ALL_PARTITIONS;
  return integerOption('partition', partition, 0, { min: 0, max: 0x7fff_ffff });
}

/** The active zkserver knows all topics and partitions: asking again does not help. */
async function certain<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const absent = isError(error, 'UNKNOWN_TOPIC') || isError(error, 'UNKNOWN_PARTITION');
    throw absent ? forGood(error) : error;
  }
}

function describeSwitchOf(one: WireSwitch): PartitionSwitch {
  const { partition, state, reason, generation, id } = one;
  const modes = { to: modeName(one.to), mode: modeName(one.mode) };
  return { partition, ...modes, state, ended: ENDED.has(state), reason, generation, id };
}

const byPartition = (one: PartitionSwitch, other: PartitionSwitch): number =>
  one.partition - other.partition;
