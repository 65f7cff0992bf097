// Bugs of consumer groups: their coordinator in the broker, the log in which it keeps them, and the member in the client.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const groupMutants: readonly Mutant[] = [
  {
    id: 'group-grants-owned',
    says: 'A partition is granted while its former owner still has it.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/heartbeat.ts',
    find: `    else if (owners.has(partition)) continue;`,
    replace: `    else if (owners.size < 0) continue;`,
    run: huntIn('members'),
  },
  {
    id: 'group-releases-unheard',
    says: 'What a member does not report is free although it has not heard yet what it was given.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/heartbeat.ts',
    find: `  const released = order === 0 ? unreported(draft, member, request.owned) : NO_PARTITIONS;`,
    replace: `  const released = new Set([
    ...unreported(draft, { ...member, revoking: member.target }, request.owned),
    ...unreported(draft, member, request.owned),
    ...(order === 0 ? NO_PARTITIONS : member.revoking),
  ]);`,
    run: once('pitfall-told-and-not-heard'),
  },
  {
    id: 'group-answers-uncommitted',
    says: 'A heartbeat or a commit is answered before its records are committed.',
    source: 'Raft §5.3: answered after it is applied; rule 20',
    file: 'packages/broker/src/groups/group-queue.ts',
    find: `      if (records.length > 0) await this.port.propose(records);
      else {`,
    replace: `      if (records.length > 0) {
        answer(round, outcomes);
        await this.port.propose(records);
      } else {`,
    run: once('pitfall-commit-answered-by-a-minority'),
  },
  {
    id: 'group-deposed-answers',
    says: 'A coordinator answers without asking a quorum whether it still leads.',
    source: 'rule 20',
    file: 'packages/broker/src/state-machine/state-machine-partition.ts',
    find: `    const lastOffset = await this.partition.replicator.confirmLeadership();
    if (this.servingOffice() !== office)
      throw this.error('NOT_LEADER', 'was led by another broker meanwhile');
    await office.reached(lastOffset + 1);`,
    replace: `    await office.reached(0);`,
    run: once('rule-20-deposed-coordinator-says-nothing'),
  },
  // Three guards stand before a late commit: the member's epoch, who has the partition, and how far the group has come.
  {
    id: 'group-commits-unfenced',
    says: 'A commit counts whatever member epoch it names, and whoever has the partition by now.',
    source: 'rule 20',
    edits: [
      {
        file: 'packages/broker/src/groups/positions.ts',
        find: `  if (compareEpochs(member.epoch, memberEpoch) !== 0) {
    throw fencedMember(group, member, memberEpoch);
  }
  return member;`,
        replace: `  if (compareEpochs(member.epoch, memberEpoch) > 1e9) throw fencedMember(group, member, memberEpoch);
  return member;`,
      },
      {
        file: 'packages/broker/src/groups/positions.ts',
        find: `  return keys.find((one) => member.assigned.has(one)) ?? keys.find((one) => owns(member, one));`,
        replace: `  return keys.find((one) => owns(member, one)) ?? keys.at(0);`,
      },
      {
        file: 'packages/broker/src/groups/positions.ts',
        find: `  if (present !== undefined && isBehind({ offset, lastEpoch }, present)) {`,
        replace: `  if (present !== undefined && offset < -1 && isBehind({ offset, lastEpoch }, present)) {`,
      },
    ],
    run: once('pitfall-commit-of-a-former-owner'),
  },
  {
    id: 'group-positions-go-back',
    says: 'A commit may put a position back.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/positions.ts',
    find: `  return next.offset < present.offset;`,
    replace: `  return next.offset < 0 && present.offset >= 0;`,
    run: once('pitfall-commit-overtaken-by-the-next'),
  },
  // Read before a quorum has confirmed the coordinator, a position is no older than the request: what was acknowledged by then
  // is applied here, or the confirmation fails. The bug shows where nobody looks whether the partition is the member's yet.
  {
    id: 'group-reads-old-positions',
    says: 'A member is told a position that was read before it had the partition for itself.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/coordinator.ts',
    find: `      const machine = await this.confirmed(partition, group);
      return fetchPositions(machine.get(group) ?? new Group(group), partitions, topics, reader);`,
    replace: `      const before = this.replica(partition, group).serving().machine.get(group);
      await this.confirmed(partition, group);
      const who = reader?.memberId === '' ? reader : undefined;
      return fetchPositions(before ?? new Group(group), partitions, topics, who);`,
    run: once('pitfall-position-of-the-present-owner'),
  },
  // Who asks for positions waits for what a quorum has confirmed; members that are not read yet are unknown to heartbeats.
  {
    id: 'group-serves-unloaded',
    says: 'A new coordinator serves before it has read what was committed before it.',
    source: 'Raft §5.3: applied only when committed; rule 20',
    edits: [
      {
        file: 'packages/broker/src/state-machine/office.ts',
        find: `    if (!this.isServing && position >= partition.highWatermark) {`,
        replace: `    if (!this.isServing && position >= Math.min(0, partition.highWatermark)) {`,
      },
      {
        file: 'packages/broker/src/state-machine/office.ts',
        find: `          applier.apply(slice);
        }
        this.handleApplied(applier);`,
        replace: `          if (!this.isServing) this.handleApplied(applier);
          applier.apply(slice);
        }
        this.handleApplied(applier);`,
      },
    ],
    run: once('pitfall-coordinator-half-loaded'),
  },
  {
    id: 'group-expels-everybody',
    says: 'A new coordinator takes members for gone of which it has not heard yet.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/sessions.ts',
    find: `        const heardAt = this.heard.get(name)?.get(memberId) ?? now;`,
    replace: `        const heardAt = this.heard.get(name)?.get(memberId) ?? -Infinity;`,
    run: huntIn('members'),
  },
  // No two members have the partition then: what a member goes on to report stays its own. The next owner waits for ever.
  {
    id: 'member-reads-on',
    says: 'A member goes on with partitions that were taken from it.',
    source: 'rule 20',
    file: 'packages/client/src/group/group-assignment.ts',
    find: `      if (!wanted.has(nameOf(reader)) && !reader.leaving) void this.giveUp(reader);`,
    replace: `      if (wanted.size < 0 && !reader.leaving) void this.giveUp(reader);`,
    run: once('pitfall-told-while-at-work'),
  },
  {
    id: 'member-lets-go-early',
    says: 'A member reports a partition as given up while a handler has a message of it.',
    source: 'rule 20; docs/client.md: what a handler can rely on',
    file: 'packages/client/src/group/group-assignment.ts',
    find: `        owned: () => source.readers.map(({ topic, partition }) => ({ topic, partition })),`,
    replace: `        owned: () => source.readers.filter(({ leaving }) => !leaving).map(({ topic, partition }) => ({ topic, partition })),`,
    run: once('pitfall-told-while-at-work'),
  },
  {
    id: 'member-never-doubts',
    says: 'A member goes on although no heartbeat was answered for a whole session.',
    source: 'rule 20',
    file: 'packages/client/src/group/membership.ts',
    find: `    if (now - this.confirmedMs <= this.settings.sessionTimeoutMs) return true;`,
    replace: `    if (now - this.confirmedMs >= 0) return true;`,
    run: once('pitfall-silent-session'),
  },
  {
    id: 'member-keeps-after-loss',
    says: 'A member that the group forgot keeps what it read.',
    source: 'rule 20',
    file: 'packages/client/src/group/group-assignment.ts',
    find: `    this.lose([...this.source.readers], error);
    this.emit('fenced', { error });`,
    replace: `    this.emit('fenced', { error });`,
    run: once('pitfall-forgotten-with-messages-at-hand'),
  },
  {
    id: 'member-commits-ahead',
    says: 'A consumer takes what it has fetched, not what was handled, for its position.',
    source: 'docs/client.md: commit()',
    file: 'packages/client/src/group/position-committer.ts',
    find: `        .map((reader) => ({ reader, position: at?.get(reader) ?? reader.position() }));`,
    replace: `        .map((reader) => ({ reader, position: at?.get(reader) ?? reader.position() }))
        .map(({ reader, position }) => ({
          reader,
          position: { ...position, offset: position.offset + 1 },
        }));`,
    run: once('pitfall-death-with-a-message-in-hand'),
  },
];
