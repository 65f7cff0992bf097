// The argument <topic>, checked before anything is asked of a server.
import { topicNameFault } from '@zhumq/model';
import { textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { UsageError } from '../../exit-codes.js';

export const TOPIC_POSITIONAL = { topic: { describe: 'Name of the topic' } } as const;

/** Throws UsageError. */
export function topicOf(flags: Flags): string {
  const topic = textOf(flags, 'topic') ?? '';
  const fault = topicNameFault(topic);
  if (fault !== undefined) throw new UsageError(`"${topic}" can not be a topic's name: ${fault}`);
  return topic;
}
