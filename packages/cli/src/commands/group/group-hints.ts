// What deserves a sentence below the tables of a group, with what to do.
import type { GroupDetails, GroupLag, GroupMemberDetails, GroupPartition } from '@zhumq/client';
import { counted } from '../../output.js';
import { partitionsText, totalText } from './lag-form.js';

export function groupHints(details: GroupDetails, lag: GroupLag): string[] {
  return [...ownerHints(details, lag), ...problemHints(lag)];
}

function ownerHints({ group, state, members }: GroupDetails, lag: GroupLag): string[] {
  if (members.length === 0) {
    const topic = lag.partitions.at(0)?.topic ?? 'TOPIC';
    if (lag.messages === 0) return [];
    return [
      `nobody reads: the group has no members, and is behind by ${totalText(lag)}; "zhumq consume ${topic} --group ${group}" goes on`,
    ];
  }
  const read = new Set(members.flatMap(({ topics }) => topics));
  const ownerless = lag.partitions.filter(({ member, topic }) => member === '' && read.has(topic));
  const away = members.filter(isAway);
  const kept = new Set(away.flatMap(({ target }) => target.map(nameOf)));
  const nobodys = ownerless.filter((one) => !kept.has(nameOf(one)));
  const leaving = lag.partitions.filter(({ topic }) => !read.has(topic));
  const idle = members.filter(({ owned, target }) => owned.length === 0 && target.length === 0);
  return [
    ...away.map(
      ({ instanceId, target }) =>
        `${named(target)} wait for member ${instanceId}, which is away: it has them again when it comes back, others when its session ends`,
    ),
    ...(nobodys.length === 0
      ? []
      : [
          state === 'assigning'
            ? `${named(nobodys)} changes hands and has no member at present; ask again in a moment`
            : `${named(nobodys)} has no member; if that stays so, see the brokers' logs`,
        ]),
    ...(leaving.length === 0
      ? []
      : [`${named(leaving)}: the group has positions there, but no member reads that topic`]),
    ...(idle.length === 0
      ? []
      : [
          `${counted(idle.length, 'member')} without a partition: there are more members than partitions, and they step in when others go`,
        ]),
  ];
}

/** One with an instance id that has left keeps its place for the session timeout. */
function isAway({ instanceId, owned, target }: GroupMemberDetails): boolean {
  return instanceId !== '' && owned.length === 0 && target.length > 0;
}

function nameOf({ topic, partition }: GroupPartition): string {
  return `${topic}-${partition}`;
}

function problemHints({ partitions }: GroupLag): string[] {
  const reasons = new Map<string, GroupPartition[]>();
  for (const one of partitions)
    if (one.problem !== '') reasons.set(one.problem, [...(reasons.get(one.problem) ?? []), one]);
  return [...reasons].map(
    ([reason, them]) => `the lag of ${named(them)} is not known: ${reason.replaceAll('\n', ' ')}`,
  );
}

function named(partitions: readonly GroupPartition[]): string {
  return partitionsText(partitions) ?? '';
}
