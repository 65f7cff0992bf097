// zhumq consume: prints the messages of a topic.
import type { Client, Consumer, Message } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
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
    timeout: { describe: 'End when nothing came for this long [go on]' },
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
      await checkTopic(client, topic, partition, signal);
      const partitions = partition === undefined ? {} : { partitions: [partition] };
      const consumer = client.consumer({ topic, from, ...partitions });
      const stalled = watchStalls(consumer);
      const printed = await readMessages(consumer, print, { max, idleMs }, signal);
      if (printed < max && !signal.aborted && stalled.size > 0) {
        output.end();
        throw unread(topic, [...stalled]);
      }
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
async function checkTopic(
  client: Client,
  topic: string,
  partition: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const asked = client.admin().describeTopics([topic], { signal });
  const [{ partitions }] = await tellIfSlow(`topic "${topic}"`, asked);
  if (partition !== undefined && partition >= partitions.length)
    throw unknownPartition(topic, partition, partitions.length);
}

/** Says what happens; the partitions that can not be read at present. */
function watchStalls(consumer: Consumer): ReadonlySet<number> {
  const stalled = new Set<number>();
  consumer.on('stalled', ({ partition, error }) => {
    stalled.add(partition);
    note(`zhumq: partition ${partition} can not be read at present: ${error.message}`);
  });
  consumer.on('reconnected', ({ partition, broker }) => {
    stalled.delete(partition);
    note(`zhumq: partition ${partition} is read again, from ${broker}`);
  });
  return stalled;
}

/** Silence means "there is nothing more" only of partitions that can be read. */
function unread(topic: string, partitions: readonly number[]): Error {
  const message = `partition ${partitions.join(', ')} of "${topic}" could not be read when the time was over: there may be more messages`;
  return zhumqError('LEADER_NOT_AVAILABLE', message, { topic });
}
