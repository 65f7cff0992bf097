// A znode for people: the message that its path stands for, as plain JSON values (`zhumq zk dump`).
import type { MessageCodec } from './message-codec.js';
import {
  brokerRegistrationCodec,
  clusterIdentityCodec,
  controllerEpochCodec,
  knownBrokerCodec,
  partitionRecordCodec,
  producerIdsCodec,
  tombstoneCodec,
  topicRecordCodec,
  zkServerRegistrationCodec,
} from './state-codecs.js';

const KINDS: readonly (readonly [RegExp, Pick<MessageCodec<object>, 'decode'>])[] = [
  [/^\/cluster\/id$/, clusterIdentityCodec],
  [/^\/(controller|zkservers\/[^/]+)$/, zkServerRegistrationCodec],
  [/^\/controller_epoch$/, controllerEpochCodec],
  [/^\/brokers\/ids\/\d+$/, brokerRegistrationCodec],
  [/^\/brokers\/registry\/\d+$/, knownBrokerCodec],
  [/^\/topics\/[^/]+$/, topicRecordCodec],
  [/^\/topics\/[^/]+\/partitions\/\d+$/, partitionRecordCodec],
  [/^\/admin\/deletions\/[^/]+$/, tombstoneCodec],
  [/^\/producer_ids$/, producerIdsCodec],
];

/**
 * The value of a znode: null when empty, the message where the path is known, else its text or `{ base64 }`. Bytes that
 * do not fit their path give `{ error, base64 }`: a dump shows damage, it does not stop at it.
 */
export function describeZnode(path: string, bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  const kind = KINDS.find(([pattern]) => pattern.test(path));
  if (kind === undefined) return textOf(bytes) ?? { base64: bytes.toString('base64') };
  try {
    return kind[1].decode(bytes);
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
