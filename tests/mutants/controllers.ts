// Bugs of the zkserver as the one that decides, and of the brokers that it tells.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const controllerMutants: readonly Mutant[] = [
  {
    id: 'controller-orders-unfenced',
    says: 'A broker does what a zkserver of an older controller epoch says.',
    source: 'rule 33',
    edits: [
      {
        file: 'packages/broker/src/membership/assignments.ts',
        find: `    if (epoch < this.controllerEpoch) {`,
        replace: `    if (epoch < -1) {`,
      },
    ],
    run: once('pitfall-orders-of-a-deposed-controller'),
  },
  {
    id: 'controller-takes-doubt-for-done',
    says: 'A write whose answer was lost is taken for done.',
    source: 'rule 33',
    file: 'packages/zkserver/src/controller/fenced-writer.ts',
    find: `      const isDone = mayBeDone(error) && (await this.wasDone(write));`,
    replace: `      const isDone = mayBeDone(error) || (await this.wasDone(write));`,
    run: once('pitfall-election-that-was-not-written'),
  },
  {
    // The check of the version taken out alone loses nothing that is committed: judged by the present record, whoever is
    // elected is in the present ISR or ELR, in its present life (rules 3 and 11), and has all of it; its epoch is above the
    // present one, and the write names the present version. So the record that was asked about is what decides here.
    id: 'controller-elects-on-old-record',
    says: 'An election is decided by the record on which the question was based, whatever it is by now.',
    source: 'rule 10',
    edits: [
      {
        file: 'packages/zkserver/src/election/events.ts',
        find: `  readonly answers: readonly ReplicaAnswer[];`,
        replace: `  readonly record?: import('@zhumq/model').PartitionRecord;
  readonly answers: readonly ReplicaAnswer[];`,
      },
      {
        file: 'packages/zkserver/src/election/replica-ends.ts',
        find: `  return { ...key, version, answers, outOfService, resigned, wanted };`,
        replace: `  return { ...key, version, record, answers, outOfService, resigned, wanted };`,
      },
      {
        file: 'packages/zkserver/src/election/elect-leaders.ts',
        find: `  const { record } = partition;
  const { wanted } = election;
  if (partition.version !== election.version) {`,
        replace: `  const { wanted, record = partition.record } = election;
  if (partition.version < election.version) {`,
      },
    ],
    run: once('pitfall-election-on-an-old-record'),
  },
  {
    id: 'controller-isr-on-old-record',
    says: 'A change of an ISR counts although the record has changed since it was proposed.',
    source: 'rule 10',
    edits: [
      {
        file: 'packages/zkserver/src/election/change-isr.ts',
        find: `  if (version !== wish.version) {`,
        replace: `  if (version < wish.version) {`,
      },
      {
        file: 'packages/zkserver/src/election/change-isr.ts',
        find: `  if (record.epoch !== wish.epoch || !isLeader) {`,
        replace: `  if (record.epoch < wish.epoch && !isLeader) {`,
      },
    ],
    run: huntIn('fetching'),
  },
  {
    id: 'controller-grants-spent-epoch',
    says: 'An election grants the recorded epoch again.',
    source: 'rule 3',
    file: 'packages/zkserver/src/election/elect-leaders.ts',
    find: `  const epoch = 1 + Math.max(record.epoch, ...answers.map((answer) => answer.epoch));`,
    replace: `  const epoch = record.leader === undefined ? record.epoch + 1 : record.epoch;`,
    run: huntIn('fetching'),
  },
  {
    // Clean members of ISR and ELR have all that is committed, so which of them leads loses nothing. The length decides
    // what is left when none of them is clean.
    id: 'controller-elects-the-shortest',
    says: 'Of the replicas that may lead the one whose log is shortest is elected.',
    source: 'rule 11',
    file: 'packages/zkserver/src/election/choose-leader.ts',
    find: `        other.logEnd.offset - one.logEnd.offset ||`,
    replace: `        one.logEnd.offset - other.logEnd.offset ||`,
    run: once('pitfall-election-of-the-furthest'),
  },
  {
    id: 'controller-hides-losses',
    says: 'A possible loss is not reported.',
    source: 'rule 29',
    file: 'packages/zkserver/src/election/elect-leaders.ts',
    find: `  return { kind: 'elected', record: { ...led, possibleLoss, lossEpoch: epoch } };`,
    replace: `  return { kind: 'elected', record: { ...led, possibleLoss: possibleLoss.slice(0, 0) } };`,
    run: huntIn('losses'),
  },
  {
    id: 'controller-deletes-unnamed',
    says: 'A broker deletes a replica that the metadata do not name, instead of setting it aside.',
    source: 'NATS server issue 7556; rule 23',
    file: 'packages/broker/src/membership/assignments.ts',
    find: `      await store.quarantine(replicaId, 'not named by the cluster metadata');`,
    replace: `      await store.deleteReplica(replicaId);`,
    run: once('pitfall-metadata-without-a-topic'),
  },
];
