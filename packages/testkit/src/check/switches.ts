// What a switch of modes promises (S1 to S4 of docs/replication.md).
import type { HistoryIndex } from './history-index.js';
import type { Lined, PartitionIndex, Written } from './partition-index.js';
import { UNKNOWN } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

type Switch = Lined<'switch'>;

export function* switchesKeepPromises({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const one of partition.switches)
      if (one.phase === 'done') yield* keepsAcknowledged(partition, one);
    yield* modesHaveOwnEpochs(partition);
    yield* generationsArePublishedOnce(partition);
    yield* switchesEnd(partition);
    yield* replicasAgree(partition);
    yield* sendsSurvive(partition);
  }
}

/** S1: what was acknowledged before the seal is before it, and stays there. */
function* keepsAcknowledged(partition: PartitionIndex, done: Switch): Iterable<Violation> {
  const { sealEpoch, sealOffset } = done;
  if (sealEpoch === undefined || sealOffset === undefined) return;
  for (const written of partition.written.values()) {
    const { value, send } = written;
    if (send?.outcome !== 'ok' || send.acks === 'none' || send.offset === UNKNOWN) continue;
    if (!isBound(written, sealEpoch) || partition.isSendGone(send)) continue;
    const at = `${value}, acknowledged at offset ${send.offset} in epoch ${send.epoch}`;
    const lines = [send.answerLine, done.line];
    if (send.offset > sealOffset) {
      const sentence = `${at}, is behind the seal at ${sealOffset} of epoch ${sealEpoch}`;
      yield violation('switch-lost-write', partition, lines, sentence, send.offset);
    } else if (!isThere(partition, written) && send.offset >= partition.logStart) {
      const sentence = `${at}, before the seal at ${sealOffset}, was never read there`;
      yield violation('switch-lost-write', partition, lines, sentence, send.offset);
    }
  }
}

/** Acks leader: the leader that sealed has what it acknowledged; earlier ones may have lost theirs. */
function isBound({ send }: Written, sealEpoch: number): boolean {
  if (send === undefined || send.epoch === UNKNOWN) return false;
  return send.acks === 'all' ? send.epoch <= sealEpoch : send.epoch === sealEpoch;
}

function isThere(partition: PartitionIndex, { send, places }: Written): boolean {
  return places.some((place) => place.offset === send?.offset && !partition.isGone(place));
}

/** S2: an epoch belongs to one mode and one generation, and a later generation has higher ones. */
function* modesHaveOwnEpochs(partition: PartitionIndex): Iterable<Violation> {
  const modes = new Map<number, { readonly mode: string; readonly line: number }>();
  const tellers: { epoch: number; mode: string | undefined; line: number }[] = [
    ...partition.leaders.map(({ epoch, mode, line }) => ({ epoch, mode, line })),
  ];
  for (const { send } of partition.written.values())
    if (send?.outcome === 'ok' && send.epoch !== UNKNOWN)
      tellers.push({ epoch: send.epoch, mode: send.mode, line: send.answerLine });
  for (const { epoch, mode, line } of tellers) {
    if (mode === undefined) continue;
    const known = modes.get(epoch);
    if (known === undefined) modes.set(epoch, { mode, line });
    else if (known.mode !== mode) {
      const sentence = `epoch ${epoch} was of mode ${known.mode}, and of mode ${mode}`;
      yield violation('switch-two-writers', partition, [known.line, line], sentence);
    }
  }
  yield* generationsRise(partition);
}

function* generationsRise(partition: PartitionIndex): Iterable<Violation> {
  const known = partition.leaders
    .flatMap(({ generation, epoch, line }) =>
      generation === undefined ? [] : [{ generation, epoch, line }],
    )
    .sort((one, other) => one.generation - other.generation || one.epoch - other.epoch);
  for (let index = 1; index < known.length; index += 1) {
    const [before, after] = [known[index - 1], known[index]];
    if (after.generation === before.generation || after.epoch > before.epoch) continue;
    const sentence = `generation ${after.generation} began in epoch ${after.epoch}, generation ${before.generation} had epoch ${before.epoch}`;
    yield violation('switch-two-writers', partition, [before.line, after.line], sentence);
  }
}

/** S2: whoever tells that a generation was published tells the same. */
function* generationsArePublishedOnce(partition: PartitionIndex): Iterable<Violation> {
  const published = new Map<number, Switch>();
  for (const one of partition.switches) {
    if (one.phase !== 'done') continue;
    const known = published.get(one.generation);
    if (known === undefined) published.set(one.generation, one);
    else if (shown(known) !== shown(one)) {
      const sentence = `generation ${one.generation} was published twice: ${shown(known)}; ${shown(one)}`;
      yield violation('switch-two-writers', partition, [known.line, one.line], sentence);
    }
  }
}

function shown({ to, sealEpoch, sealOffset, epoch }: Switch): string {
  return `mode ${to}, epoch ${epoch ?? '?'}, seal ${sealOffset ?? '?'} of epoch ${sealEpoch ?? '?'}`;
}

/** S3: without a person. */
function* switchesEnd(partition: PartitionIndex): Iterable<Violation> {
  const last = partition.switches.at(-1);
  if (last === undefined || last.phase === 'done' || last.phase === 'aborted') return;
  const sentence = `the switch to ${last.to} in generation ${last.generation} is ${last.phase}, and never ended`;
  yield violation('switch-unfinished', partition, [last.line], sentence);
}

/** S3: in one mode. */
function* replicasAgree(partition: PartitionIndex): Iterable<Violation> {
  const done = partition.switches.findLast(({ phase }) => phase === 'done');
  let first: Lined<'replica'> | undefined;
  for (const replica of partition.replicas) {
    const { broker, mode, generation, line } = replica;
    if (mode === undefined || generation === undefined) continue;
    const is = `broker ${broker} ended in mode ${mode}, generation ${generation}`;
    first ??= replica;
    if (first.mode !== mode || first.generation !== generation) {
      const sentence = `${is}; broker ${first.broker} in mode ${first.mode}, generation ${first.generation}`;
      yield violation('switch-unfinished', partition, [first.line, line], sentence);
    } else if (done !== undefined && isBehind(done, mode, generation)) {
      const sentence = `${is}; the last switch published mode ${done.to}, generation ${done.generation}`;
      yield violation('switch-unfinished', partition, [done.line, line], sentence);
    }
  }
}

function isBehind(done: Switch, mode: string, generation: number): boolean {
  return generation < done.generation || (generation === done.generation && mode !== done.to);
}

/** S4: what a client sees of a switch can be tried again. */
function* sendsSurvive(partition: PartitionIndex): Iterable<Violation> {
  for (const { from, to } of windowsOf(partition.switches)) {
    for (const { value, send } of partition.written.values()) {
      if (send?.outcome !== 'fail' || send.retriable !== false) continue;
      if (send.answerLine < from || send.line > to) continue;
      const sentence = `${value} was refused for good (${send.code || 'no code'}) while the partition was switched`;
      const lines = [send.line, from, send.answerLine];
      yield violation('switch-fatal-error', partition, lines, sentence);
    }
  }
}

function windowsOf(switches: readonly Switch[]): { from: number; to: number }[] {
  const windows: { from: number; to: number }[] = [];
  let from: number | undefined;
  for (const { phase, line } of switches) {
    if (phase === 'begun') from ??= line;
    if ((phase === 'done' || phase === 'aborted') && from !== undefined) {
      windows.push({ from, to: line });
      from = undefined;
    }
  }
  if (from !== undefined) windows.push({ from, to: Infinity });
  return windows;
}
