// zhumq consume: prints the messages of a topic.
import type { Client, Message } from '@zhumq/client';
import { optionalDurationMs, optionalNumber, textOf } from '../arguments.js';
import type { Flags } from '../arguments.js';
import { CLIENT_OPTIONS, openClient } from '../client-session.js';
import { single } from '../command-tree.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { OutputStream } from '../output-stream.js';
import { OUTPUT_OPTION, counted, formatOf, note } from '../output.js';
import { tellIfSlow } from '../waiting.js';
import { messageRow } from './consume/message-form.js';
import { readMessages } from './consume/read-messages.js';
import { startPosition } from './consume/start-position.js';
import { Unread } from './consume/unread.js';
import { unknownPartition } from './partition/describe.js';
import { TOPIC_POSITIONAL, topicOf } from './topic/topic-argument.js';

export const consumeCommand = single({
  usage: 'consume <topic>',
  describe: 'Print the messages of a topic',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...CLIENT_OPTIONS,
    ...OUTPUT_OPTION,
    from: {
      default: 'latest',
      describe: 'earliest, latest, OFFSET, 2026-11-21T10:00:00Z, or -15m for 15 minutes ago',
    },
    partition: { alias: 'p', describe: 'This partition alone [all]' },
    max: { alias: 'n', describe: 'End after so many messages, over all partitions [go on]' },
    timeout: { describe: 'End, with 0, when nothing came for this long [go on]' },
  },
  examples: [
    ['consume orders --from earliest', 'the value of each message on a line, and goes on'],
    ['consume orders --from -15m --timeout 2s -o jsonl', 'the last 15 minutes, with all fields'],
  ],
  run: consume,
});

async function consume(flags: Flags): Promise<number> {
  const topic = topicOf(flags);
  const from = startPosition(textOf(flags, 'from') ?? 'latest', Date.now());
  const partition = optionalNumber(flags, 'partition', 0);
  const max = optionalNumber(flags, 'max', 1) ?? Infinity;
  const idleMs = optionalDurationMs(flags, 'timeout') ?? Infinity;
  const format = formatOf(flags);
  const output = new OutputStream(process.stdout, format);
  const interruption = new Interruption();
  const { signal } = interruption;
  const print = (messages: readonly Message[]): Promise<void> =>
    output.write(
      messages.map((message) => messageRow(message, format)),
      signal,
    );
  try {
    const client = await openClient(flags, signal);
    try {
      const count = await partitionCount(client, topic, partition, signal);
      const partitions = partition === undefined ? {} : { partitions: [partition] };
      const consumer = client.consumer({ topic, from, ...partitions });
      const unread = new Unread(client, consumer, topic, partitions.partitions ?? firstOf(count));
      const silenceEnds = (leftMs: number): void => unread.ask(leftMs, signal);
      const limits = { max, idleMs, silenceEnds };
      const { by } = await readMessages(consumer, print, limits, signal);
      const warning = by === 'silence' ? unread.warning() : undefined;
      if (warning !== undefined) note(warning);
    } finally {
      await client.close({ timeout: 2_000 }).catch(() => undefined);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interruption.end();
  }
  output.end();
  if (interruption.by !== 'SIGINT') return EXIT.ok;
  note(`zhumq: interrupted; ${counted(output.rows, 'message')} printed`);
  return EXIT.interrupted;
}

/** A consumer waits for what is not there yet; a person has mistyped it. */
async function partitionCount(
  client: Client,
  topic: string,
  partition: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  const asked = client.admin().describeTopics([topic], { signal });
  const [{ partitions }] = await tellIfSlow(`topic "${topic}"`, asked);
  if (partition !== undefined && partition >= partitions.length)
    throw unknownPartition(topic, partition, partitions.length);
  return partitions.length;
}

const firstOf = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
