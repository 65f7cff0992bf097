// How far a group is behind, in the words and columns that a person reads.
import type {
  GroupLag,
  GroupMemberDetails,
  GroupPartition,
  GroupPartitionLag,
} from '@zhumq/client';
import { counted } from '../../output.js';
import type { Column } from '../../output.js';

/** Partitions of one topic that are named one by one, before they are only counted. */
const MAX_NAMED = 12;

/** `12 messages, 3 s`. */
export function totalText({ messages, seconds, partitions }: GroupLag): string {
  const unknown = partitions.filter(({ problem }) => problem !== '').length;
  const total =
    messages === 0 ? 'nothing' : `${counted(messages, 'message')}, ${timeText(seconds)}`;
  return unknown === 0 ? total : `${total}; ${counted(unknown, 'partition')} not known`;
}

/** `3 s`, `5 m`, `2 h`, `4 d`: two digits say enough. */
export function timeText(seconds: number): string {
  for (const [unit, size] of UNITS)
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** Names of programs by member id. */
export type Programs = ReadonlyMap<string, string>;

export function programsOf(members: readonly GroupMemberDetails[]): Programs {
  return new Map(members.map((one) => [one.memberId, one.instanceId || one.clientId]));
}

/** Without `programs` members are shown by their ids. */
export function lagColumns(programs?: Programs): Column<GroupPartitionLag>[] {
  const known = (value: number): number | undefined => (value < 0 ? undefined : value);
  const nameOf = ({ member }: GroupPartitionLag): string | undefined =>
    (programs?.get(member) ?? member) || undefined;
  return [
    { title: 'TOPIC', value: (row) => row.topic },
    { title: 'PARTITION', value: (row) => row.partition },
    { title: 'POSITION', value: (row) => known(row.committed) ?? 'none' },
    { title: 'START', value: (row) => known(row.logStart), wide: true },
    { title: 'END', value: (row) => known(row.highWatermark) },
    { title: 'LAG', value: (row) => known(row.messages) },
    { title: 'BEHIND', value: (row) => (row.seconds < 0 ? undefined : timeText(row.seconds)) },
    { title: 'MEMBER', value: nameOf },
    ...(programs === undefined
      ? []
      : [{ title: 'MEMBER-ID', value: (row: GroupPartitionLag) => row.member, wide: true }]),
    { title: 'PROBLEM', value: (row) => row.problem || undefined },
  ];
}

/** `orders 0-3,7`. */
export function partitionsText(partitions: readonly GroupPartition[]): string | undefined {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions)
    topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  const texts = [...topics].map(([topic, numbers]) => `${topic} ${rangesText(numbers)}`);
  return texts.length === 0 ? undefined : texts.join('; ');
}

function rangesText(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of [...numbers].sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const texts = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  if (texts.length <= MAX_NAMED) return texts.join(',');
  return `${texts.slice(0, MAX_NAMED).join(',')},… (${numbers.length})`;
}
