// Control batches: one record that speaks to replicas, never to consumers (attribute bit 5). Its key is Kafka's
// {i16 version, i16 type}, big-endian; our types begin at 1000, which Kafka's tools print as unknown (rule 32), and their
// values are messages of state.proto, which carry the generation (rule 13) but for state snapshots.
import { ATTRIBUTE_CONTROL, isControlBatch, readBatchHeader } from './batch-header.js';
import { decodeRecords } from './batch-decoder.js';
import { encodeBatch } from './batch-encoder.js';
import { zhumqError } from './error-table.js';
import {
  leaderChangeCodec,
  modeSealCodec,
  stateSnapshotCodec,
  voterSetChangeCodec,
} from './state-codecs.js';
import type { LeaderChange, ModeSeal, StateSnapshot, VoterSetChange } from './state-messages.js';

export const LEADER_CHANGE = 1000;
export const VOTER_SET = 1001;
export const MODE_SEAL = 1002;
export const STATE_SNAPSHOT_BEGIN = 1003;
export const STATE_SNAPSHOT_END = 1004;

const KEY_VERSION = 0;
const KEY_BYTES = 4;
/** Control batches are not compressed; a larger one is none of ours. */
const MAX_CONTROL_BYTES = 1024 * 1024;

/** What a control batch says. `other`: a type of Kafka's or of a later version, to be passed over. */
export type ControlRecord =
  | { readonly kind: 'leaderChange'; readonly body: LeaderChange }
  | { readonly kind: 'voterSet'; readonly body: VoterSetChange }
  | { readonly kind: 'modeSeal'; readonly body: ModeSeal }
  | { readonly kind: 'stateSnapshotBegin'; readonly body: StateSnapshot }
  | { readonly kind: 'stateSnapshotEnd'; readonly body: StateSnapshot }
  | { readonly kind: 'other'; readonly type: number };

/** A batch that holds one control record; offset and epoch are still to be stamped. */
export function controlBatch(type: number, body: Buffer, timestamp: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeInt16BE(KEY_VERSION, 0);
  key.writeInt16BE(type, 2);
  return encodeBatch([{ timestamp, key, value: body }], { attributes: ATTRIBUTE_CONTROL });
}

export function leaderChangeBatch(body: LeaderChange, timestamp: number): Buffer {
  return controlBatch(LEADER_CHANGE, leaderChangeCodec.encode(body), timestamp);
}

export function voterSetBatch(body: VoterSetChange, timestamp: number): Buffer {
  return controlBatch(VOTER_SET, voterSetChangeCodec.encode(body), timestamp);
}

export function modeSealBatch(body: ModeSeal, timestamp: number): Buffer {
  return controlBatch(MODE_SEAL, modeSealCodec.encode(body), timestamp);
}

/** Begins a snapshot of a state machine in its log; the records follow (decision 0015). */
export function stateSnapshotBeginBatch(beginOffset: number, timestamp: number): Buffer {
  const body = stateSnapshotCodec.encode({ beginOffset, records: 0 });
  return controlBatch(STATE_SNAPSHOT_BEGIN, body, timestamp);
}

export function stateSnapshotEndBatch(body: StateSnapshot, timestamp: number): Buffer {
  return controlBatch(STATE_SNAPSHOT_END, stateSnapshotCodec.encode(body), timestamp);
}

/** The record of the control batch that `batch` is, its checksum verified before. Throws DATA_CORRUPT. */
export function parseControlBatch(batch: Buffer): ControlRecord {
  try {
    const records = decodeRecords(batch, {
      maxDecompressedBytes: MAX_CONTROL_BYTES,
      checkCrc: false,
    });
    const key = records.length === 1 ? records[0].key : null;
    if (!isControlBatch(readBatchHeader(batch))) throw new TypeError('its control bit is not set');
    if (key === null || key.length < KEY_BYTES) throw new TypeError('it has no control key');
    return controlRecord(key.readInt16BE(2), records[0].value ?? Buffer.alloc(0));
  } catch (cause) {
    const why = (cause as Error).message;
    throw zhumqError('DATA_CORRUPT', `a batch is no control batch: ${why}`, {}, cause);
  }
}

function controlRecord(type: number, body: Buffer): ControlRecord {
  switch (type) {
    case LEADER_CHANGE:
      return { kind: 'leaderChange', body: leaderChangeCodec.decode(body) };
    case VOTER_SET:
      return { kind: 'voterSet', body: voterSetChangeCodec.decode(body) };
    case MODE_SEAL:
      return { kind: 'modeSeal', body: modeSealCodec.decode(body) };
    case STATE_SNAPSHOT_BEGIN:
      return { kind: 'stateSnapshotBegin', body: stateSnapshotCodec.decode(body) };
    case STATE_SNAPSHOT_END:
      return { kind: 'stateSnapshotEnd', body: stateSnapshotCodec.decode(body) };
    default:
      return { kind: 'other', type };
  }
}
