// Requests that may say more than others (rpc/limits.ts). Reading 150,000 fields and items takes some five milliseconds.
import { MAX_POSITIONS } from '@zhumq/rpc';

/** Partitions of which one member may speak (groups/request-check.ts). */
const GROUP_PARTITIONS = 100_000;

/** By method: fields and items of one request, nested ones included. */
export const LARGE_METHODS: Readonly<Record<string, number>> = {
  // Everything that this broker holds, as its zkserver says.
  reconcile: Infinity,
  // An item with topic and partition each, and some fields around them.
  heartbeat: 3 * GROUP_PARTITIONS + 100_000,
  positions: 3 * GROUP_PARTITIONS + 1_000,
  // An item with six fields each.
  commitPositions: 7 * MAX_POSITIONS + 1_000,
  resetPositions: 7 * MAX_POSITIONS + 1_000,
  // 10,000 records with some ten headers each.
  sendAll: 500_000,
};
