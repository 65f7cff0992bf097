// zhumq consume: prints the messages of a topic, alone or as a member of a group.
import type { Client, Consumer, Message } from '@zhumq/client';
import type { Flags } from '../arguments.js';
import { CLIENT_OPTIONS, openClient } from '../client-session.js';
import { holdEnd, isClosedOutput } from '../closed-output.js';
import { single } from '../command-tree.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { OutputStream } from '../output-stream.js';
import { OUTPUT_OPTION, counted, formatOf, note } from '../output.js';
import { tellIfSlow } from '../waiting.js';
import { consumeRequest } from './consume/consume-request.js';
import type { ConsumeRequest, GroupRequest } from './consume/consume-request.js';
import { GroupReader } from './consume/group-reader.js';
import { messageRow } from './consume/message-form.js';
import { readMessages } from './consume/read-messages.js';
import type { ReadEnd } from './consume/read-messages.js';
import { Unread } from './consume/unread.js';
import { unknownPartition } from './partition/describe.js';
import { TOPIC_POSITIONAL } from './topic/topic-argument.js';

/** How long a reader of the output may take for what was on its way to it before a signal. */
const PRINT_GRACE_MS = 2_000;

/** A hint is not worth a longer wait. */
const HINT_TIMEOUT_MS = 2_000;

export const consumeCommand = single({
  usage: 'consume <topic>',
  describe: 'Print the messages of a topic, alone or in a group',
  positionals: TOPIC_POSITIONAL,
  options: {
    ...CLIENT_OPTIONS,
    ...OUTPUT_OPTION,
    from: {
      describe:
        'earliest, latest, OFFSET, 2026-11-21T10:00:00Z, or -15m for 15 minutes ago [latest; with --group earliest, and only where the group has no position]',
    },
    partition: { alias: 'p', describe: 'This partition alone; not with --group [all]' },
    group: {
      alias: 'g',
      describe: 'Share the topic with the other members of this group, and go on where it was',
    },
    delivery: {
      choices: ['pull', 'push'],
      default: 'pull',
      describe: 'pull: ask for messages; push: brokers send them as they are committed',
    },
    'instance-id': {
      describe: 'With --group: a name kept over restarts; back in time it has its partitions again',
    },
    'session-timeout': {
      describe: 'With --group: after this silence the member is taken for gone [10s]',
    },
    max: { alias: 'n', describe: 'End after so many messages, over all partitions [go on]' },
    timeout: { describe: 'End, with 0, when nothing came for this long [go on]' },
  },
  examples: [
    ['consume orders --from earliest', 'the value of each message on a line, and goes on'],
    ['consume orders --from -15m --timeout 2s -o jsonl', 'the last 15 minutes, with all fields'],
    ['consume orders --group billing', 'shares the topic with others, and goes on where it was'],
    ['consume orders -g billing --timeout 5s', 'what is new since the last time, and ends'],
    ['consume orders -g billing --delivery push', 'brokers send as soon as they can'],
  ],
  run: consume,
});

async function consume(flags: Flags): Promise<number> {
  const request = consumeRequest(flags, Date.now());
  const format = formatOf(flags);
  const output = new OutputStream(process.stdout, format);
  const interruption = new Interruption();
  const { signal } = interruption;
  const rowOf = (message: Message): string | Buffer => messageRow(message, format);
  try {
    const client = await openClient(flags, signal);
    try {
      const count = await partitionCount(client, request, signal);
      const { group } = request;
      if (group === undefined) {
        const write = (messages: readonly Message[]): Promise<void> =>
          output.write(messages.map(rowOf), signal);
        await readAlone(client, request, count, write, signal);
      } else await readInGroup(client, { ...request, group }, output, rowOf, signal);
    } finally {
      await client.close({ timeout: 2_000 }).catch(() => undefined);
    }
  } catch (error) {
    if (isClosedOutput(error)) return EXIT.ok;
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
  { topic, partition }: ConsumeRequest,
  signal: AbortSignal,
): Promise<number> {
  const asked = client.admin().describeTopics([topic], { signal });
  const [{ partitions }] = await tellIfSlow(`topic "${topic}"`, asked);
  if (partition !== undefined && partition >= partitions.length)
    throw unknownPartition(topic, partition, partitions.length);
  return partitions.length;
}

async function readAlone(
  client: Client,
  request: ConsumeRequest,
  count: number,
  write: (messages: readonly Message[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { topic, from, delivery, partition } = request;
  const explicit = partition === undefined ? {} : { partitions: [partition] };
  const consumer = client.consumer({ topic, from, delivery, ...explicit });
  const partitions = explicit.partitions ?? firstOf(count);
  const print = async (messages: readonly Message[]): Promise<boolean> => {
    await write(messages);
    return true;
  };
  await readUntilEnd(client, consumer, request, { partitions: () => partitions, print }, signal);
}

type RequestInGroup = ConsumeRequest & { readonly group: GroupRequest };

/** What is printed is out of this process before the group may take it for handled. */
async function readInGroup(
  client: Client,
  request: RequestInGroup,
  output: OutputStream,
  rowOf: (message: Message) => string | Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { topic, from, delivery, group } = request;
  const clientId = `zhumq consume (${process.pid})`;
  await tellWhereFromDoesNotCount(client, request, signal);
  const end = holdEnd();
  const late = later(signal, PRINT_GRACE_MS);
  const consumer = client.consumer({ topic, from, delivery, clientId, ...group });
  const reader = new GroupReader(consumer, group.group, topic);
  const print = (messages: readonly Message[]): Promise<boolean> =>
    reader.print(messages, rowOf, (rows) => output.flush(rows, late), signal);
  try {
    const way = { partitions: () => reader.partitions, joining: () => reader.joining, print };
    const by = await readUntilEnd(client, consumer, request, way, signal);
    const warning = by === 'silence' ? reader.emptyHanded() : undefined;
    if (warning !== undefined) note(warning);
  } finally {
    await reader.end();
    end.release();
  }
}

/** A person who names a place expects to begin there; a group that has been somewhere goes on where it was. */
async function tellWhereFromDoesNotCount(
  client: Client,
  { topic, fromText, group: { group } }: RequestInGroup,
  signal: AbortSignal,
): Promise<void> {
  if (fromText === undefined) return;
  const asked = client.admin().describeGroup(group, { signal, timeout: HINT_TIMEOUT_MS });
  // Nobody who can say so: then it is not said.
  const positions = await asked.then((found) => found.positions).catch(() => []);
  if (!positions.some((position) => position.topic === topic)) return;
  note(
    `zhumq: group "${group}" goes on where it was; --from ${fromText} counts only where it has no position ("zhumq group reset ${group} --topic ${topic} --to ${fromText}" moves it)`,
  );
}

interface Way {
  readonly partitions: () => readonly number[];
  readonly joining?: () => boolean;
  readonly print: (messages: readonly Message[]) => Promise<boolean>;
}

/** How it ended. */
async function readUntilEnd(
  client: Client,
  consumer: Consumer,
  { topic, max, idleMs }: ConsumeRequest,
  { partitions, joining, print }: Way,
  signal: AbortSignal,
): Promise<ReadEnd['by']> {
  const unread = new Unread(client, consumer, topic, partitions);
  const silenceEnds = (leftMs: number): void => unread.ask(leftMs, signal);
  const limits = { max, idleMs, silenceEnds, ...(joining === undefined ? {} : { joining }) };
  const { by } = await readMessages(consumer, print, limits, signal);
  const warning = by === 'silence' ? unread.warning() : undefined;
  if (warning !== undefined) note(warning);
  return by;
}

/** Aborted so long after `signal`. */
function later(signal: AbortSignal, ms: number): AbortSignal {
  const controller = new AbortController();
  const begin = (): void => void setTimeout(() => controller.abort(), ms).unref();
  signal.addEventListener('abort', begin, { once: true });
  return controller.signal;
}

const firstOf = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
