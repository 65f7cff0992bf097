// Anomalies of values, offsets and order, put into a valid history. An injection gives false where the history has no
// place for it.
import type { Anomaly } from '../violation.js';
import type { Draft, Specimen } from './specimen.js';

export type Injection = (specimen: Specimen) => boolean;

export const VALUE_INJECTIONS = {
  'inconsistent-offset': (specimen) => {
    if (!specimen.isWhole) return false;
    const sent = specimen.pick(specimen.acknowledged('all'));
    if (sent !== undefined && specimen.chance(0.3)) {
      const other = specimen.pick([...specimen.finalValues().keys()]) ?? sent.offset;
      sent.offset = other;
      return specimen.finalValues().get(other) !== sent.value;
    }
    const read = specimen.pick(specimen.earlyReads());
    if (read === undefined) return false;
    const { poll, index, offset, epoch } = read;
    specimen.insertBefore(poll, specimen.newSend('strange'));
    const records = poll.records.map((record, at) =>
      at === index ? strange(offset, epoch) : record,
    );
    specimen.setRecords(poll, records);
    return true;
  },

  'reused-offset': (specimen) => {
    // Between two losses nothing else could excuse it.
    const [loss, next] = specimen.of('loss');
    if (loss === undefined) return false;
    const line = specimen.lineOf(loss);
    const end = next === undefined ? Infinity : specimen.lineOf(next);
    const reads = specimen
      .reads()
      .filter(({ offset, poll }) => offset >= (loss.offset ?? 0) && specimen.lineOf(poll) < end);
    for (const older of reads) {
      if (older.epoch === undefined || older.epoch >= loss.epoch) continue;
      if (specimen.lineOf(older.poll) > line) continue;
      const newer = reads.find(
        ({ offset, value }) => offset === older.offset && value !== older.value,
      );
      if (newer === undefined || specimen.lineOf(newer.poll) < line) continue;
      setEpoch(specimen, older.offset, newer.value, older.epoch);
      return true;
    }
    return false;
  },

  'lost-write': (specimen) => {
    if (!specimen.isWhole) return false;
    if (specimen.chance(0.5)) {
      const read = specimen.pick(specimen.earlyReads());
      if (read === undefined) return false;
      for (const poll of specimen.of('poll'))
        if (poll.consumer.startsWith('final-'))
          specimen.setRecords(
            poll,
            poll.records.filter(([offset]) => offset < read.offset),
          );
      for (const replica of specimen.of('replica')) delete replica.records;
      return true;
    }
    const end = Math.max(...specimen.finalValues().keys());
    const lost = specimen.pick(specimen.acknowledged('all').filter(({ offset }) => offset < end));
    if (lost !== undefined) specimen.hide((_, value) => value === lost.value);
    return lost !== undefined;
  },

  unseen: (specimen) => {
    if (!specimen.isWhole) return false;
    const lost = specimen.pick(specimen.acknowledged('all'));
    if (lost !== undefined) specimen.hide((offset) => offset >= lost.offset);
    return lost !== undefined;
  },

  'lost-leader-write': (specimen) => {
    if (!specimen.isWhole) return false;
    const reads = specimen.reads();
    const isInside = ({ value, offset, epoch }: Draft<'sent'> & { offset: number }) =>
      reads.some((read) => read.value === value && read.epoch === epoch) &&
      reads.some(
        (read) =>
          epoch !== undefined &&
          read.epoch === epoch &&
          read.offset > offset &&
          read.value !== value,
      );
    const isAlone = specimen.of('leader').length < 2 && specimen.of('fault').length === 0;
    const lost = specimen.pick(
      specimen.acknowledged('leader').filter((sent) => isAlone || isInside(sent)),
    );
    if (lost !== undefined) specimen.hide((_, value) => value === lost.value);
    return lost !== undefined;
  },

  duplicate: (specimen) => {
    const unsafe = new Set(
      specimen.of('send').flatMap(({ idempotent, value }) => (idempotent === false ? [value] : [])),
    );
    const values = [...specimen.finalValues().values()].filter((value) => !unsafe.has(value));
    const value = specimen.pick(values);
    return value !== undefined && specimen.readMore(value);
  },

  'aborted-read': (specimen) => {
    const refused = specimen.pick(specimen.of('sent').filter(({ outcome }) => outcome === 'fail'));
    return refused !== undefined && specimen.readMore(refused.value);
  },

  'unsent-read': (specimen) => specimen.readMore('ghost'),

  'nonmonotonic-send': (specimen) => {
    if (!specimen.isWhole) return false;
    const there = new Set(specimen.finalValues().values());
    const sends = specimen.of('send').filter((send) => send.idempotent !== false);
    const first = specimen.pick(sends.filter(({ value }) => there.has(value)));
    if (first === undefined) return false;
    const own = sends.filter(
      ({ producer, value }) => producer === first.producer && there.has(value),
    );
    const second = own[own.indexOf(first) + 1];
    if (second === undefined) return false;
    swap(specimen, first.value, second.value);
    return true;
  },

  'nonmonotonic-poll': (specimen) => {
    const [before, poll] = specimen.pick(specimen.neighbours()) ?? [];
    const again = before?.records.at(-1);
    if (poll === undefined || again === undefined) return false;
    specimen.setRecords(poll, [again, ...poll.records]);
    return true;
  },

  'int-nonmonotonic-poll': (specimen) => {
    const { poll, index } = specimen.pick(specimen.reads()) ?? {};
    if (poll === undefined || index === undefined) return false;
    const { records } = poll;
    const again = records[specimen.random.below(index + 1)];
    specimen.setRecords(poll, [...records.slice(0, index + 1), again, ...records.slice(index + 1)]);
    return true;
  },

  'poll-skip': (specimen) => {
    if (!specimen.isWhole) return false;
    const [, poll] =
      specimen.pick(specimen.neighbours().filter(([, { records }]) => records.length > 1)) ?? [];
    if (poll !== undefined) specimen.setRecords(poll, poll.records.slice(1));
    return poll !== undefined;
  },

  'int-poll-skip': (specimen) => {
    if (!specimen.isWhole) return false;
    const inner = ({ poll, index }: { poll: { records: readonly unknown[] }; index: number }) =>
      index > 0 && index < poll.records.length - 1;
    const { poll, index } = specimen.pick(specimen.earlyReads().filter(inner)) ?? {};
    if (poll !== undefined)
      specimen.setRecords(
        poll,
        poll.records.filter((_, at) => at !== index),
      );
    return poll !== undefined;
  },

  'epoch-fell': (specimen) => {
    if (!specimen.isWhole) return false;
    const reads = specimen.reads().filter(({ epoch }) => epoch !== undefined);
    const read = specimen.pick(reads);
    const before = reads
      .filter(({ offset }) => offset < (read?.offset ?? 0))
      .sort((one, other) => other.offset - one.offset)
      .at(0);
    if (read === undefined || before?.epoch === undefined) return false;
    setEpoch(specimen, read.offset, read.value, before.epoch - 1);
    return true;
  },
} as const satisfies Partial<Record<Anomaly, Injection>>;

function strange(offset: number, epoch: number | undefined): readonly [number, string, number?] {
  return epoch === undefined ? [offset, 'strange'] : [offset, 'strange', epoch];
}

function setEpoch(specimen: Specimen, at: number, which: string, epoch: number): void {
  for (const poll of specimen.of('poll'))
    specimen.setRecords(
      poll,
      poll.records.map((record) =>
        record[0] === at && record[1] === which ? [at, which, epoch] : record,
      ),
    );
  for (const replica of specimen.of('replica')) delete replica.records;
}

/** The log holds them the other way round. */
function swap(specimen: Specimen, one: string, other: string): void {
  const swapped = (value: string) => (value === one ? other : value === other ? one : value);
  for (const poll of specimen.of('poll'))
    specimen.setRecords(
      poll,
      poll.records.map(([offset, value, ...epoch]) => [offset, swapped(value), ...epoch]),
    );
  for (const replica of specimen.of('replica')) delete replica.records;
  const places = new Map(
    specimen
      .of('sent')
      .map(({ value, offset, epoch, broker }) => [value, { offset, epoch, broker }]),
  );
  for (const sent of specimen.of('sent')) {
    if (sent.value !== one && sent.value !== other) continue;
    delete sent.offset;
    delete sent.epoch;
    delete sent.broker;
    if (sent.outcome === 'ok') Object.assign(sent, places.get(swapped(sent.value)));
  }
}
