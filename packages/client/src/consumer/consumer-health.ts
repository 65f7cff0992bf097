// health(): judged by what gets done. A consumer that is connected, in its group and does nothing is stalled.
import type { ConsumerHealth } from '../api/consumer.js';
import type { Assignment, GroupHealth } from './assignment.js';
import type { PartitionReader } from './partition-reader.js';
import type { Reading } from './reading.js';

/** Messages that wait so long while none is handled are a reason to look; so is a broker that says nothing. */
const NO_PROGRESS_MS = 30_000;
const SILENT = 'no broker has answered for long, not even that there is nothing to read';

export interface Progress {
  readonly nowMs: number;
  /** When a message was handled, or taken. */
  readonly handledMs: number;
  readonly closed: boolean;
  /** How the program reads at present. */
  readonly way: string | undefined;
}

export function healthOf(
  readers: readonly PartitionReader[],
  { reading, group }: Assignment,
  progress: Progress,
): ConsumerHealth {
  const { nowMs, handledMs, closed } = progress;
  const handling = readers.reduce((sum, reader) => sum + reader.handling, 0);
  const bufferedBytes = readers.reduce((sum, reader) => sum + reader.bufferedBytes, 0);
  const waiting = handling > 0 || bufferedBytes > 0;
  const progressMs = waiting ? handledMs : Math.max(handledMs, reading.heardMs);
  const lastProgressMs = Math.max(0, Math.round(nowMs - progressMs));
  const own = group?.health();
  const reasons = [
    ...partitionReasons(readers),
    ...(own?.failure === undefined ? [] : [own.failure.message]),
    ...(own !== undefined && own.joiningMs > NO_PROGRESS_MS ? [joiningReason(own)] : []),
    ...(own?.state === 'doubtful' ? ['no heartbeat was answered for the session timeout'] : []),
    ...(waiting && lastProgressMs > NO_PROGRESS_MS ? [waitingReason(handling, progress)] : []),
    ...(!waiting && isSilent(readers, reading, nowMs) ? [SILENT] : []),
  ];
  const state = closed
    ? 'closed'
    : reasons.length > 0
      ? 'stalled'
      : own?.state === 'joining'
        ? 'joining'
        : 'running';
  return {
    ...{ state, reasons, lastProgressMs, partitions: readers.length, handling, bufferedBytes },
    ...(own === undefined
      ? {}
      : { memberId: own.memberId, lastHeartbeatMs: Math.round(own.lastHeartbeatMs) }),
  };
}

function partitionReasons(readers: readonly PartitionReader[]): string[] {
  return readers.flatMap(({ topic, partition, failure, stalled }) => {
    if (failure !== undefined) return [`${topic}-${partition}: ${failure.message}`];
    return stalled ? [`${topic}-${partition} can not be read at present`] : [];
  });
}

/** Whether a broker should have answered by now, if only that there is nothing. */
function isSilent(readers: readonly PartitionReader[], reading: Reading, nowMs: number): boolean {
  const isRead = readers.some(({ paused, leaving }) => !paused && !leaving);
  return isRead && nowMs - reading.silentSinceMs > NO_PROGRESS_MS;
}

function joiningReason({ trouble }: GroupHealth): string {
  return `can not join its group: ${trouble?.message ?? 'no answer'}`;
}

function waitingReason(handling: number, { way }: Progress): string {
  if (handling > 0) return `${handling} messages are being handled, and none has been finished`;
  return way === undefined ? 'messages wait, and nobody reads' : 'messages wait, and none is taken';
}
