// zhumq produce: one message for each line of standard input.
import type { Acks, Client, Receipt, UsableCodec } from '@zhumq/client';
import { durationMs, optionalNumber, pairs, textOf, textsOf } from '../arguments.js';
import type { Flags } from '../arguments.js';
import { CLIENT_OPTIONS, openClient } from '../client-session.js';
import { single } from '../command-tree.js';
import { EXIT, Interrupted, UsageError, explain } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { OUTPUT_OPTION, formatOf, note, print } from '../output.js';
import { tellIfSlow } from '../waiting.js';
import { unknownPartition } from './partition/describe.js';
import { messageOfLine, separatorOf } from './produce/line-message.js';
import type { LineFormat } from './produce/line-message.js';
import { LineSender } from './produce/line-sender.js';
import { ProduceProgress } from './produce/produce-progress.js';
import { inputLines, sendInput } from './produce/send-input.js';
import { TOPIC_POSITIONAL, topicOf } from './topic/topic-argument.js';

export const ACKS: Readonly<Record<string, Acks>> = {
  ...{ '-1': 'all', '1': 'leader', '0': 'none' },
  ...{ all: 'all', leader: 'leader', none: 'none' },
};

const CLOSE_TIMEOUT_MS = 5_000;

export const produceCommand = single({
  usage: 'produce <topic>',
  describe: 'Send each line of standard input as a message',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...CLIENT_OPTIONS,
    ...OUTPUT_OPTION,
    acks: {
      choices: Object.keys(ACKS),
      default: '-1',
      describe: 'Done when: -1 all replicas needed have it, 1 the leader has it, 0 it was sent',
    },
    'key-separator': {
      alias: 'k',
      describe: 'What stands before its first occurrence is the key; \\t is a tab [no keys]',
    },
    partition: { alias: 'p', describe: 'Send all to this partition [by key, or in turn]' },
    header: { alias: 'H', array: true, describe: 'NAME=VALUE: a header of every message' },
    compression: { choices: ['none', 'gzip', 'lz4'], default: 'none' },
    timeout: { default: '2m', describe: 'How long one message may take, retries included' },
    'dry-run': { type: 'boolean', default: false, describe: 'Read and check, but send nothing' },
  },
  examples: [
    ['produce orders < orders.txt', 'one message for each line'],
    ["produce users --key-separator : <<< 'u1:hello'", 'key u1, value hello'],
  ],
  run: produce,
});

async function produce(flags: Flags): Promise<number> {
  const topic = topicOf(flags);
  const separator = textOf(flags, 'key-separator');
  const format: LineFormat = {
    keySeparator: separator === undefined ? undefined : separatorOf(separator),
    headers: pairs('header', textsOf(flags, 'header'), 'source=web'),
    partition: optionalNumber(flags, 'partition', 0),
  };
  const deliveryTimeout = durationMs('timeout', String(flags.timeout));
  if (flags['dry-run'] === true) return dryRun(topic, format);
  const acks = ACKS[String(flags.acks)];
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    const client = await connected(flags, topic, format.partition, signal);
    const compression = flags.compression as UsableCodec;
    const producer = client.producer({ acks, compression, deliveryTimeout });
    const sender = new LineSender(producer, topic, receiptPrinter(flags));
    const progress = new ProduceProgress(sender, () => producer.health().reasons);
    try {
      const toMessage = (line: Buffer, number: number) => messageOfLine(line, number, format);
      await sendInput(process.stdin, sender, toMessage, signal);
    } finally {
      progress.end();
    }
    // What is not acknowledged by now is counted as such: no waiting for it.
    const timeout = sender.underWay === 0 ? CLOSE_TIMEOUT_MS : 1;
    const { acknowledged, sent } = sender;
    const lost = await client.close({ timeout }).then(
      () => undefined,
      (error: unknown) => error,
    );
    return summarize(
      { acknowledged, sent, failure: sender.failure, lost },
      acks,
      interruption,
      flags,
    );
  } finally {
    interruption.end();
  }
}

/** Refuses a topic or partition that is not there before any input is read. */
async function connected(
  flags: Flags,
  topic: string,
  partition: number | undefined,
  signal: AbortSignal,
): Promise<Client> {
  try {
    const client = await openClient(flags, signal);
    try {
      const asked = client.admin().describeTopics([topic], { signal });
      const [{ partitions }] = await tellIfSlow(`topic "${topic}"`, asked);
      if (partition !== undefined && partition >= partitions.length)
        throw unknownPartition(topic, partition, partitions.length);
      return client;
    } catch (error) {
      await client.close({ timeout: 1_000 }).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw signal.aborted ? new Interrupted('interrupted; 0 acknowledged') : error;
  }
}

/** With -o jsonl the receipts are the data. */
function receiptPrinter(flags: Flags): (line: number, receipt: Receipt) => void {
  if (formatOf(flags) !== 'jsonl') return () => undefined;
  return (line, receipt) => print(JSON.stringify({ line, ...receipt }));
}

interface Result extends Pick<LineSender, 'acknowledged' | 'sent' | 'failure'> {
  /** Why some of what nobody acknowledges did not arrive. */
  readonly lost: unknown;
}

function summarize(
  { acknowledged, sent, failure, lost }: Result,
  acks: Acks,
  { by, signal }: Interruption,
  flags: Flags,
): number {
  const read = acknowledged === sent && failure === undefined && !signal.aborted;
  const all = read && lost === undefined;
  if (formatOf(flags) === 'json') print(JSON.stringify({ sent, acknowledged, complete: all }));
  const done = acks === 'none' ? 'sent without acknowledgement' : 'acknowledged';
  if (all) {
    note(`${acknowledged} ${done}`);
    return EXIT.ok;
  }
  if (failure !== undefined) {
    const where = failure.line === 0 ? 'standard input' : `line ${failure.line}`;
    const text = explain(failure.error);
    note(`zhumq: ${text.startsWith(`${where} `) ? text : `${where}: ${text}`}`);
  }
  if (lost !== undefined) note(`zhumq: some messages did not arrive: ${explain(lost)}`);
  const why = signal.aborted ? `interrupted by ${by}` : 'no more of the input was read';
  note(`${acknowledged} ${done} of ${sent} sent${read ? '' : `; ${why}`}`);
  if (by === 'SIGINT') return EXIT.interrupted;
  if (acknowledged > 0) return EXIT.partial;
  return failure?.error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** Counts what would be sent. */
async function dryRun(topic: string, format: LineFormat): Promise<number> {
  let count = 0;
  for await (const lines of inputLines(process.stdin, new AbortController().signal))
    for (const line of lines) messageOfLine(line, ++count, format);
  note(`${count} would be sent to "${topic}"`);
  return EXIT.ok;
}
