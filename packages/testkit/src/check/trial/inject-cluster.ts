// Anomalies of commitment, leaders, replicas and switches, put into a valid history.
import type { Anomaly } from '../violation.js';
import type { Injection } from './inject-values.js';
import type { Draft, Specimen } from './specimen.js';

export const CLUSTER_INJECTIONS = {
  'uncommitted-read': (specimen) => {
    const watermarks = specimen.of('watermark');
    if (specimen.isExact && specimen.chance(0.5)) {
      const watermark = specimen.pick(watermarks);
      if (watermark === undefined) return false;
      const offset = committedAt(specimen, watermark);
      const place = { topic: 'orders', partition: specimen.partition };
      const records = [[offset, 'early']];
      const poll = { kind: 'poll', ...place, consumer: 'early', records };
      specimen.insertAfter(watermark, specimen.newSend('early'), poll);
      return true;
    }
    const told = specimen.of('poll').filter(({ highWatermark }) => highWatermark !== undefined);
    const poll = specimen.pick(told);
    const last = poll?.records.at(-1);
    if (poll === undefined || last === undefined) return false;
    [poll.highWatermark] = last;
    return true;
  },

  'uncommitted-ack': (specimen) => {
    if (!specimen.isExact) return false;
    const early = specimen.acknowledged('all').flatMap((sent) => {
      const send = specimen.of('send').find(({ value }) => value === sent.value);
      const committed = send === undefined ? -1 : committedAt(specimen, send);
      return send !== undefined && committed !== -1 && committed <= sent.offset
        ? [{ send, sent }]
        : [];
    });
    const found = specimen.pick(early);
    if (found === undefined) return false;
    specimen.remove(found.sent);
    specimen.insertAfter(found.send, found.sent);
    return true;
  },

  'high-watermark-fell': (specimen) => {
    if (specimen.of('loss').length > 0) return false;
    const watermarks = specimen.of('watermark');
    const pairs = watermarks.flatMap((later, index) =>
      watermarks
        .slice(0, index)
        .filter((before) => before.highWatermark > 0 && isComparable(before, later))
        .map((before) => ({ before, later })),
    );
    const found = specimen.pick(pairs);
    if (found === undefined) return false;
    found.later.highWatermark = specimen.random.below(found.before.highWatermark);
    delete found.later.invokedAt;
    return true;
  },

  'two-leaders': (specimen) => {
    const led = specimen.pick(specimen.of('leader'));
    if (led === undefined) return false;
    const told = specimen.of('sent').filter(({ epoch }) => epoch === led.epoch);
    const sent = specimen.pick(told.filter(({ broker }) => broker !== undefined));
    if (sent !== undefined && specimen.chance(0.5)) sent.broker = 9;
    else if (specimen.chance(0.5)) specimen.insertAfter(led, { ...led, broker: 9 });
    else specimen.insertAfter(led, { ...led, incarnation: 99 });
    return true;
  },

  'rewritten-entry': (specimen) => {
    const append = specimen.pick(specimen.of('append'));
    if (append === undefined) return false;
    const other = specimen.chance(0.5) ? { digest: 'another' } : { count: append.count + 1 };
    specimen.insertAfter(append, { ...append, broker: 9, ...other });
    return true;
  },

  'unequal-replicas': (specimen) => {
    const replica = specimen.pick(specimen.of('replica'));
    if (replica === undefined) return false;
    const { records, digests } = replica;
    const record = specimen.pick(records ?? []);
    if (records === undefined || record === undefined || specimen.chance(0.5)) {
      replica.digests = (digests ?? []).map(([from, to]) => [from, to, 'another']);
      return true;
    }
    const [offset, epoch, value] = record;
    const wrong = specimen.chance(0.5)
      ? ([offset, epoch + 1, value] as const)
      : ([offset, epoch, 'another'] as const);
    replica.records = records.map((one) => (one === record ? wrong : one));
    return true;
  },

  'log-hole': (specimen) => {
    const replica = specimen.pick(specimen.of('replica'));
    const record = specimen.pick(replica?.records ?? []);
    if (replica === undefined || record === undefined) return false;
    replica.records = replica.records?.filter((one) => one !== record);
    return true;
  },

  'switch-lost-write': (specimen) => {
    if (!specimen.isWhole) return false;
    const done = specimen.pick(specimen.of('switch').filter(({ phase }) => phase === 'done'));
    const { sealEpoch } = done ?? {};
    if (done === undefined || sealEpoch === undefined) return false;
    const bound = [
      ...specimen.acknowledged('all').filter(({ epoch }) => (epoch ?? Infinity) <= sealEpoch),
      ...specimen.acknowledged('leader').filter(({ epoch }) => epoch === sealEpoch),
    ];
    const lost = specimen.pick(bound);
    if (lost === undefined || lost.offset === 0) return false;
    if (specimen.chance(0.5)) done.sealOffset = lost.offset - 1;
    else specimen.hide((_, value) => value === lost.value);
    return true;
  },

  'switch-two-writers': (specimen) => {
    const done = specimen.pick(specimen.of('switch').filter(({ phase }) => phase === 'done'));
    const led = specimen.pick(specimen.of('leader'));
    if (done !== undefined && specimen.chance(0.3)) {
      specimen.insertAfter(done, { ...done, sealOffset: (done.sealOffset ?? 0) + 1 });
      return true;
    }
    if (led === undefined) return false;
    const mode = led.mode === 'raft' ? 'fetch' : 'raft';
    if (specimen.chance(0.5)) specimen.insertAfter(led, { ...led, mode });
    else specimen.insertAfter(led, { ...led, generation: 99, epoch: 0, broker: 9 });
    return true;
  },

  'switch-unfinished': (specimen) => {
    const replica = specimen.pick(specimen.of('replica'));
    if (replica !== undefined && specimen.chance(0.5)) {
      replica.mode = replica.mode === 'raft' ? 'fetch' : 'raft';
      return true;
    }
    const last = specimen.of('switch').at(-1);
    if (last !== undefined) specimen.remove(last);
    return last !== undefined;
  },

  'switch-fatal-error': (specimen) => {
    const begun = specimen.pick(specimen.of('switch').filter(({ phase }) => phase === 'begun'));
    if (begun === undefined) return false;
    const send = specimen.newSend('refused');
    const answer = { outcome: 'fail', code: 'INVALID_REQUEST', retriable: false };
    specimen.insertAfter(begun, send, { ...send, kind: 'sent', acks: undefined, ...answer });
    return true;
  },
} as const satisfies Partial<Record<Anomaly, Injection>>;

/** What an observer knew to be committed at this event; -1: nothing. */
function committedAt(specimen: Specimen, event: Draft): number {
  const line = specimen.lineOf(event);
  const known = specimen.of('watermark').filter((one) => specimen.lineOf(one) <= line);
  return Math.max(-1, ...known.map(({ highWatermark }) => highWatermark));
}

function isComparable(before: Draft<'watermark'>, later: Draft<'watermark'>): boolean {
  if (before.epoch > later.epoch) return false;
  const isSameLife = before.broker === later.broker && before.incarnation === later.incarnation;
  return isSameLife || (before.role === 'leader' && later.role === 'leader');
}
