// A znode for people: the message that its path stands for, as plain JSON values (`zhumq zk dump`).
import { parsePath } from '@zhumq/metadata';
import type { ParsedPath } from '@zhumq/metadata';
import {
  brokerRegistrationCodec,
  clusterIdentityCodec,
  controllerEpochCodec,
  knownBrokerCodec,
  partitionRecordCodec,
  producerIdsCodec,
  tombstoneCodec,
  topicRecordCodec,
  topicSwitchCodec,
  zkServerRegistrationCodec,
} from '@zhumq/model';
import type { MessageCodec } from '@zhumq/model';

const CODECS: Partial<Record<ParsedPath['kind'], Pick<MessageCodec<object>, 'decode'>>> = {
  'cluster-id': clusterIdentityCodec,
  controller: zkServerRegistrationCodec,
  candidate: zkServerRegistrationCodec,
  'controller-epoch': controllerEpochCodec,
  'live-broker': brokerRegistrationCodec,
  'registered-broker': knownBrokerCodec,
  topic: topicRecordCodec,
  partition: partitionRecordCodec,
  deletion: tombstoneCodec,
  'topic-switch': topicSwitchCodec,
  'producer-ids': producerIdsCodec,
};

/**
 * The value of a znode: null when empty, the message where the path is known, else its text or `{ base64 }`. Bytes that
 * do not fit their path give `{ error, base64 }`: a dump shows damage, it does not stop at it.
 */
export function describeZnode(path: string, bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  const codec = CODECS[parsePath(path)?.kind ?? 'parent'];
  if (codec === undefined) return textOf(bytes) ?? { base64: bytes.toString('base64') };
  try {
    return codec.decode(bytes);
  } catch (error) {
    return { error: (error as Error).message, base64: bytes.toString('base64') };
  }
}

/** Printable UTF-8; undefined for anything else. */
function textOf(bytes: Buffer): string | undefined {
  const decoded = bytes.toString('utf8');
  const printable = !/[\p{Cc}\uFFFD]/u.test(decoded.replaceAll(/[\t\r\n]/g, ''));
  return printable ? decoded : undefined;
}
