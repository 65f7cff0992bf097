// What to do next, by error: the second line of a message.
import type { ZhumqError } from '@zhumq/base';

const ADVICE: Readonly<Record<string, string>> = {
  CONNECTION_REFUSED:
    'Start a cluster with "zhumq dev", or name a server of yours with --bootstrap HOST:PORT or ZHUMQ_BOOTSTRAP.',
  CONNECTION_LOST: 'Try again; "zhumq cluster health" says whether the cluster is well.',
  TIMEOUT: '"zhumq cluster health" says whether the cluster is well; --timeout 2m waits longer.',
  LEADER_NOT_AVAILABLE:
    'A majority of the replicas must be up; "zhumq partition describe TOPIC" shows them.',
  UNKNOWN_TOPIC: '"zhumq topic list" shows all topics, "zhumq topic create NAME" makes one.',
  UNKNOWN_PARTITION: '"zhumq topic describe TOPIC" shows the partitions; they count from 0.',
  UNKNOWN_GROUP:
    '"zhumq group list" shows all groups; there is one as soon as it has a member or a position. "zhumq group reset GROUP --topic TOPIC --to … --create" makes one.',
  GROUP_NOT_EMPTY:
    'Stop its consumers first; "zhumq group describe GROUP" shows which programs they are. One with an instance id keeps its place until its session ends.',
  GROUP_FULL: 'Stop some of its consumers, or raise group.members.max on the brokers.',
  DATA_DIRECTORY_LOCKED:
    'Each "zhumq dev" and each broker needs a folder of its own: name another one with --data-dir, or stop that process.',
  TOPIC_EXISTS: 'Give --if-not-exists where that is fine.',
  NOT_ENOUGH_BROKERS: 'Ask for fewer --replicas; "zhumq cluster describe" shows the brokers.',
  INVALID_TOPIC: 'docs/configuration.md lists the settings of a topic.',
  MESSAGE_TOO_LARGE: 'Raise it with "zhumq topic alter TOPIC --config max.message.bytes=4MiB".',
  OFFSET_OUT_OF_RANGE:
    '"zhumq partition describe TOPIC" shows which offsets there are; --from earliest begins with the first.',
  TRUNCATED: 'Messages that were acknowledged are lost; read again with --from earliest.',
  SWITCH_REFUSED: '"zhumq partition describe TOPIC" shows the replicas and what is under way.',
  STORE_UNAVAILABLE: 'Check the ZooKeeper ensemble; messages keep flowing meanwhile.',
};

export function adviceFor(error: ZhumqError): string | undefined {
  return ADVICE[error.code];
}
