// Bugs of the zkserver as the one that decides, and of the brokers that it tells.
import type { Mutant } from '@zhumq/testkit';
import { huntIn } from './hunts.js';

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
    run: huntIn('controllers'),
  },
  {
    id: 'controller-takes-doubt-for-done',
    says: 'A write whose answer was lost is taken for done.',
    source: 'rule 33',
    file: 'packages/zkserver/src/controller/fenced-writer.ts',
    find: `      const isDone = mayBeDone(error) && (await this.wasDone(write));`,
    replace: `      const isDone = mayBeDone(error) || (await this.wasDone(write));`,
    run: huntIn('controllers'),
  },
  {
    id: 'controller-elects-on-old-record',
    says: 'An election is decided by answers that were given about an older record.',
    source: 'rule 10',
    edits: [
      {
        file: 'packages/zkserver/src/election/elect-leaders.ts',
        find: `  if (partition.version !== election.version) {`,
        replace: `  if (partition.version < election.version) {`,
      },
      {
        file: 'packages/zkserver/src/election/elect-leaders.ts',
        find: `  if (hasLiveLeader(view, record) && (wanted ?? record.leader?.broker) === record.leader?.broker) {`,
        replace: `  if (wanted !== undefined && hasLiveLeader(view, record) && wanted === record.leader?.broker) {`,
      },
    ],
    run: huntIn('controllers'),
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
    id: 'controller-elects-the-shortest',
    says: 'Of the replicas in sync the one whose log is shortest is elected.',
    source: 'rule 11',
    file: 'packages/zkserver/src/election/choose-leader.ts',
    find: `        other.logEnd.offset - one.logEnd.offset ||`,
    replace: `        one.logEnd.offset - other.logEnd.offset ||`,
    run: huntIn('fetching'),
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
    run: huntIn('controllers'),
  },
];
