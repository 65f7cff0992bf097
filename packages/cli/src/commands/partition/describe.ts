// zhumq partition describe: every replica as it sees itself. Scripts rely on the JSON.
import type { PartitionDetails, ReplicaDetails } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
import { optionalNumber } from '../../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, note, printRows, printTable } from '../../output.js';
import { leaderText } from '../topic/describe.js';
import { TOPIC_POSITIONAL, topicOf } from '../topic/topic-argument.js';

export const describePartitions: Verb = {
  usage: 'describe <topic>',
  aliases: ['info'],
  describe: 'Show the replicas of the partitions of a topic',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...ADMIN_OPTIONS,
    ...OUTPUT_OPTION,
    partition: { alias: 'p', describe: 'This partition alone' },
  },
  examples: [['partition describe orders --partition 0', 'leader, positions and lag']],
  async run(flags) {
    const topic = topicOf(flags);
    const partition = optionalNumber(flags, 'partition', 0);
    const details = await withClient(flags, `the replicas of "${topic}"`, (client, call) =>
      client.admin().describePartitions(topic, call),
    );
    const chosen = details.filter((one) => partition === undefined || one.partition === partition);
    if (chosen.length === 0) throw unknownPartition(topic, partition, details.length);
    const format = formatOf(flags);
    if (isJson(format)) printRows(format, chosen.map(partitionJson), []);
    else {
      printTable(format, chosen.flatMap(replicaRows), COLUMNS);
      for (const line of chosen.flatMap(remarks)) note(line);
    }
    return EXIT.ok;
  },
};

export function unknownPartition(topic: string, partition: number | undefined, count: number) {
  const message = `topic "${topic}" has no partition ${partition}; it has ${count}, counted from 0`;
  return zhumqError('UNKNOWN_PARTITION', message, { topic, partition: partition ?? -1 });
}

/** The form that docs/cli.md promises. */
export function partitionJson(details: PartitionDetails) {
  const { topic, partition, mode, generation, epoch, logStart, highWatermark } = details;
  const { leader, leaderAlive, sealed, inSync, eligible, voters } = details;
  const { transition = null, lastSwitch = null, seal = null, possibleLoss = null } = details;
  const replicas = details.replicaDetails.map((replica) => ({
    broker: replica.broker,
    replicaId: replica.replicaId,
    role: replica.role,
    mode: replica.mode ?? null,
    generation: replica.generation,
    epoch: replica.epoch,
    logStart: replica.logStart,
    logEnd: replica.logEnd,
    durableEnd: replica.durableEnd,
    highWatermark: replica.highWatermark,
    lag: replica.lag,
    problem: replica.problem,
  }));
  return {
    ...{ topic, partition, mode, generation, leader, leaderAlive, epoch, logStart, highWatermark },
    ...{ isr: inSync, elr: eligible, voters, sealed, transition, lastSwitch, seal, possibleLoss },
    replicas,
  };
}

/** What is under way, as one or two words. */
export function stateText({ sealed, transition }: PartitionDetails): string {
  const parts = [
    ...(transition === undefined ? [] : [`to ${transition.to}: ${transition.phase}`]),
    ...(sealed ? ['sealed'] : []),
  ];
  return parts.join(', ') || '-';
}

/** As what a replica counts: for commits, and for who may lead. */
export function memberText(of: PartitionDetails, broker: number): string | undefined {
  if (of.mode === 'raft') return of.voters.includes(broker) ? 'voter' : undefined;
  if (of.inSync.includes(broker)) return 'isr';
  return of.eligible.includes(broker) ? 'elr' : undefined;
}

/** What deserves a sentence. */
export function remarks({
  topic,
  partition,
  possibleLoss,
  transition,
  lastSwitch,
}: PartitionDetails): string[] {
  const place = `${topic}-${partition}`;
  const isUnderWay = lastSwitch !== undefined && transition?.id === lastSwitch.id;
  const how =
    lastSwitch?.id === '' ? 'was refused' : isUnderWay ? 'is being given up' : 'was given up';
  return [
    ...(possibleLoss === undefined
      ? []
      : [`${place}: acknowledged messages may have been lost: ${possibleLoss}`]),
    ...(lastSwitch === undefined || lastSwitch.done
      ? []
      : [`${place}: the last switch, to ${lastSwitch.to}, ${how}: ${lastSwitch.reason}`]),
  ];
}

type ReplicaRow = ReplicaDetails & { readonly of: PartitionDetails; readonly first: boolean };

function replicaRows(of: PartitionDetails): ReplicaRow[] {
  return of.replicaDetails.map((replica, index) => ({ ...replica, of, first: index === 0 }));
}

/** What is true of the partition stands in its first row only. */
const once = (value: (of: PartitionDetails) => string | number) => (row: ReplicaRow) =>
  row.first ? value(row.of) : '';
const known = (value: number) => (value < 0 ? undefined : value);

const COLUMNS = [
  { title: 'PARTITION', value: once((of) => of.partition) },
  { title: 'MODE', value: once((of) => of.mode) },
  { title: 'GENERATION', value: once((of) => of.generation) },
  { title: 'LEADER', value: once(leaderText) },
  { title: 'EPOCH', value: once((of) => of.epoch) },
  { title: 'START', value: once((of) => known(of.logStart) ?? '-') },
  { title: 'COMMITTED', value: once((of) => known(of.highWatermark) ?? '-') },
  { title: 'STATE', value: once(stateText) },
  { title: 'BROKER', value: (row: ReplicaRow) => row.broker },
  { title: 'ROLE', value: (row: ReplicaRow) => row.role },
  { title: 'COUNTS-AS', value: (row: ReplicaRow) => memberText(row.of, row.broker) },
  { title: 'END', value: (row: ReplicaRow) => known(row.logEnd) },
  { title: 'LAG', value: (row: ReplicaRow) => known(row.lag) },
  {
    title: 'REPLICA-IN',
    value: ({ mode, generation }: ReplicaRow) => mode && `${mode} ${generation}`,
    wide: true,
  },
  { title: 'ON-DISK', value: (row: ReplicaRow) => known(row.durableEnd), wide: true },
  { title: 'BYTES', value: (row: ReplicaRow) => known(row.bytes), wide: true },
  { title: 'REPLICA-ID', value: (row: ReplicaRow) => row.replicaId, wide: true },
  { title: 'PROBLEM', value: (row: ReplicaRow) => row.problem || undefined, most: 40 },
];
