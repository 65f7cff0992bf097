// Short names for events, for histories of a few lines that a person writes.
import type {
  AckLevel,
  DeliveredRecord,
  HistoryEvent,
  Outcome,
  Unstamped,
} from '../../history/events.js';
import { judgeEvents } from '../judge.js';
import type { Anomaly } from '../violation.js';

export const place = { topic: 't', partition: 0 };

export function judged(...events: (Unstamped | Unstamped[])[]): Anomaly[] {
  const stamped = events.flat().map((event, at) => ({ ...event, at }) as HistoryEvent);
  return Object.keys(judgeEvents(stamped).anomalies) as Anomaly[];
}

export const send = (value: string, producer = 'p', acks: AckLevel = 'all'): Unstamped => ({
  ...{ kind: 'send', ...place, producer, value, acks },
});
export const sent = (
  value: string,
  outcome: Outcome,
  more: object = {},
  producer = 'p',
): Unstamped => ({
  ...{ kind: 'sent', ...place, producer, value, outcome },
  ...more,
});
export const stored = (value: string, offset: number, producer = 'p'): Unstamped[] => [
  send(value, producer),
  sent(value, 'ok', { offset }, producer),
];
export const byLeader = (value: string, offset: number, epoch?: number): Unstamped[] => [
  send(value, 'p', 'leader'),
  sent(value, 'ok', { offset, ...(epoch !== undefined && { epoch }) }),
];
export const poll = (consumer: string, ...records: DeliveredRecord[]): Unstamped =>
  ({ kind: 'poll', ...place, consumer, records }) as Unstamped;
export const given = (consumer: string, ...records: [number, string][]): Unstamped[] =>
  records.map((record) => poll(consumer, record));
export const seek = (consumer: string, final = false): Unstamped => ({
  ...{ kind: 'seek', ...place, consumer, final },
});
export const led = (broker: number, epoch: number, more: object = {}): Unstamped =>
  ({ kind: 'leader', ...place, broker, epoch, ...more }) as Unstamped;
export const loss = (epoch: number, offset: number): Unstamped => ({
  ...{ kind: 'loss', ...place, epoch, offset },
});
export const exact: Unstamped = { kind: 'history', version: 1, run: 'a test', exact: true };
export const committed = (
  highWatermark: number,
  epoch = 1,
  broker = 1,
  more: object = {},
): Unstamped => ({
  ...{ kind: 'watermark', ...place, broker, role: 'leader', epoch, highWatermark },
  ...more,
});
export const group = { ...place, group: 'g' };
export const assign = (member: string, ...generation: number[]): Unstamped =>
  ({ kind: 'assign', ...group, member, ...(generation.length > 0 && { generation }) }) as Unstamped;
export const revoke = (member: string, lost = false): Unstamped => ({
  ...{ kind: 'revoke', ...group, member, lost },
});
export const commit = (
  member: string,
  offset: number,
  outcome: Outcome = 'ok',
  more = {},
): Unstamped => ({
  ...{ kind: 'commit', ...group, member, offset, outcome },
  ...more,
});
export const position = (offset: number, more = {}): Unstamped => ({
  ...{ kind: 'position', ...group, offset },
  ...more,
});
export const handed = (consumer: string, ...records: [number, string][]): Unstamped =>
  ({ kind: 'poll', ...group, consumer, records }) as Unstamped;
export const switched = (
  phase: string,
  to: string,
  generation: number,
  more: object = {},
): Unstamped => ({ kind: 'switch', ...place, phase, to, generation, ...more }) as Unstamped;
export const replica = (broker: number, more: object): Unstamped =>
  ({ kind: 'replica', ...place, broker, logStart: 0, highWatermark: 2, ...more }) as Unstamped;

export const abc = [...stored('a', 1), ...stored('b', 2), ...stored('c', 3)];
export const readAbc = given('c', [1, 'a'], [2, 'b'], [3, 'c']);

export const ten = Array.from({ length: 10 }, (_, offset) => stored(`v${offset}`, offset)).flat();
export const readTen = given(
  'd',
  ...Array.from({ length: 10 }, (_, offset): [number, string] => [offset, `v${offset}`]),
);
