// One replica, "1" of the replicas "1", "2" and "3", and what the zkserver and the others would tell it.
import type { Effect, FetchConfig, PartitionState, Position, ReceivedAnswer } from '../types.js';
import { history } from './history.js';
import { baseConfig } from './sim-cluster.js';
import { SimReplica } from './sim-replica.js';

let batchIds = 2_000_000;

const first: PartitionState = {
  version: 1,
  epoch: 1,
  leader: { replica: '1', incarnation: 1 },
  replicas: ['1', '2', '3'],
  isr: ['1', '2', '3'],
  minInsyncReplicas: 1,
  lossEpoch: 0,
};

export function stateOf(change: Partial<PartitionState> = {}): PartitionState {
  return { ...first, ...change };
}

export const follow2: PartitionState = stateOf({ leader: { replica: '2', incarnation: 1 } });

/** A replica with a log of these epochs, all of it synced; it knows no state yet. */
export function lone(
  epochs: readonly number[] = [],
  change: Partial<FetchConfig> = {},
): SimReplica {
  const ends = { durableEnd: epochs.length, syncedEnd: epochs.length };
  const config = { ...baseConfig, ...ends, ...change };
  return new SimReplica(config, true, { nextBatchId: () => (batchIds += 1) }, history(epochs));
}

/** A leader whose first batch is synced. */
export function loneLeader(
  epochs: readonly number[] = [],
  change: Partial<PartitionState> = {},
  config: Partial<FetchConfig> = {},
): SimReplica {
  const replica = lone(epochs, config);
  replica.assign(stateOf({ epoch: (epochs.at(-1) ?? 0) + 1, ...change }));
  replica.settle();
  replica.effects = [];
  return replica;
}

export function loneFollower(
  epochs: readonly number[] = [],
  change: Partial<FetchConfig> = {},
  state: Partial<PartitionState> = {},
): SimReplica {
  const replica = lone(epochs, change);
  replica.assign({ ...follow2, epoch: (epochs.at(-1) ?? 0) + 1, ...state });
  replica.effects = [];
  return replica;
}

/** A position of follower "2" that has all of the leader's log on disk, but for the changes. */
export function positionAt(leader: SimReplica, change: Partial<Position> = {}): Position {
  const offset = change.offset ?? leader.log.logEnd;
  const lastEpoch = leader.log.epochAt(offset - 1) ?? 0;
  const { epoch } = leader.core;
  const ends = { offset, lastEpoch, durableEnd: offset, syncedEnd: offset };
  return { replica: '2', incarnation: 1, epoch, tainted: false, ...ends, ...change };
}

/** The follower reports that it has everything, but for the changes. */
export function report(leader: SimReplica, change: Partial<Position> = {}): void {
  leader.input((core) => {
    core.report(positionAt(leader, change));
  });
}

/** An answer of leader "2" to the follower's present position: batches of these epochs, one record each. */
export function records(
  follower: SimReplica,
  epochs: readonly number[],
  change: Partial<Extract<ReceivedAnswer, { kind: 'records' }>> = {},
): ReceivedAnswer {
  const { log, core } = follower;
  const offset = log.logEnd;
  const all = history([...log.all.map(({ epoch }) => epoch), ...epochs]);
  const batches = all.slice(log.all.length);
  const place = { leader: '2', epoch: core.epoch, offset, from: offset, batches, payload: batches };
  const rest = { highWatermark: 0, logStart: 0, untaint: false, syncThrough: 0 };
  return { kind: 'records', ...place, ...rest, ...change };
}

export function diverging(
  follower: SimReplica,
  divergingEpoch: number,
  divergingEnd: number,
): ReceivedAnswer {
  const { log, core } = follower;
  const place = { leader: '2', epoch: core.epoch, offset: log.logEnd, batches: [] };
  return { kind: 'diverging', ...place, divergingEpoch, divergingEnd };
}

export function receive(follower: SimReplica, answer: ReceivedAnswer): void {
  follower.input((core) => {
    core.received(answer);
  });
}

export function effectsOf<Kind extends Effect['kind']>(
  replica: SimReplica,
  kind: Kind,
): Extract<Effect, { kind: Kind }>[] {
  return replica.effects.filter(
    (effect): effect is Extract<Effect, { kind: Kind }> => effect.kind === kind,
  );
}
