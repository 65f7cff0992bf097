// The error table: numbers, names, what a caller may do. Wire (Failure.code), classes and docs/errors.md come from here.
// Numbers are never used again. A number that a reader does not know means: not retriable, outcome unknown.
import { ZhumqError } from '@zhumq/base';
import type { ErrorContext, ErrorKind } from '@zhumq/base';

interface Row {
  readonly code: number;
  /**
   * Letters: r retriable, p retriable and over within milliseconds where all goes well, f fatal, u outcome unknown
   * (otherwise: certainly without effect).
   */
  readonly flags: '' | 'r' | 'f' | 'u' | 'ru' | 'fu' | 'p' | 'pu';
  /** What happened and what to do, for docs/errors.md. */
  readonly meaning: string;
}

const TABLE = {
  INTERNAL: {
    code: 1,
    flags: 'u',
    meaning: 'The server met a bug or an unforeseen state; its log has the details.',
  },
  INVALID_REQUEST: {
    code: 2,
    flags: '',
    meaning: 'A field of the request is missing or out of range; the message names it.',
  },
  UNSUPPORTED: {
    code: 3,
    flags: '',
    meaning: 'The request asks for something that this version does not have.',
  },
  TIMEOUT: {
    code: 4,
    flags: 'ru',
    meaning:
      'No answer in time; the request may have been done. A retry by an idempotent producer is safe.',
  },
  CONNECTION_LOST: {
    code: 5,
    flags: 'ru',
    meaning: 'The connection ended before the answer; the request may have been done.',
  },
  CONNECTION_REFUSED: {
    code: 6,
    flags: 'r',
    meaning: 'Nothing listens at the address, or it can not be reached; check address and server.',
  },
  OVERLOADED: {
    code: 7,
    flags: 'r',
    meaning: 'A bounded queue of the server is full; try again a little later.',
  },
  STOPPING: { code: 8, flags: 'r', meaning: 'The server is stopping; another one takes over.' },
  UNKNOWN_METHOD: {
    code: 9,
    flags: '',
    meaning: 'The server does not have this method; client and server are of different versions.',
  },
  FRAME_TOO_LARGE: {
    code: 10,
    flags: '',
    meaning: 'A message is larger than the limit that the error names.',
  },

  NOT_LEADER: {
    code: 20,
    flags: 'p',
    meaning:
      'The broker does not lead the partition; the context has the leader when known. Refresh metadata.',
  },
  LEADER_NOT_AVAILABLE: {
    code: 21,
    flags: 'p',
    meaning: 'The partition has no leader at present (election under way, or no majority alive).',
  },
  UNKNOWN_TOPIC: {
    code: 22,
    flags: 'r',
    meaning: 'The topic does not exist (or this server does not know it yet).',
  },
  UNKNOWN_PARTITION: {
    code: 23,
    flags: 'r',
    meaning: 'The topic has no such partition, or this broker holds no replica of it.',
  },
  TOPIC_EXISTS: {
    code: 24,
    flags: '',
    meaning: 'A topic of this name exists; nothing was changed.',
  },
  INVALID_TOPIC: {
    code: 25,
    flags: '',
    meaning: 'The name, the number of partitions or of replicas, or a setting is not allowed.',
  },
  NOT_ENOUGH_BROKERS: {
    code: 26,
    flags: '',
    meaning: 'Fewer live brokers than replicas asked for; start brokers or ask for fewer replicas.',
  },
  STALE_GENERATION: {
    code: 27,
    flags: 'p',
    meaning: 'The request belongs to an older generation of the partition. Refresh metadata.',
  },
  STALE_CONTROLLER: {
    code: 28,
    flags: 'r',
    meaning: 'The sender is no longer the active zkserver.',
  },
  NOT_CONTROLLER: {
    code: 29,
    flags: 'r',
    meaning: 'This zkserver is not the active one; the context has its address when known.',
  },
  STORE_UNAVAILABLE: {
    code: 30,
    flags: 'ru',
    meaning:
      'The metadata store (ZooKeeper) can not be reached; data keeps flowing, changes of metadata wait.',
  },
  WRONG_CLUSTER: {
    code: 31,
    flags: 'f',
    meaning: 'The peer or the data directory belongs to another cluster.',
  },
  STALE_INCARNATION: { code: 32, flags: 'f', meaning: 'A newer life of the same broker is known.' },

  INVALID_BATCH: {
    code: 40,
    flags: '',
    meaning: 'The record batch header is malformed; nothing was stored.',
  },
  CORRUPT_BATCH: {
    code: 41,
    flags: 'r',
    meaning: 'The checksum of a record batch does not match its bytes; nothing was stored.',
  },
  MESSAGE_TOO_LARGE: {
    code: 42,
    flags: '',
    meaning:
      'A record or batch is larger than `max.message.bytes` of the topic; or what a group would have to record at once is larger than 8 MiB: use fewer partitions at a time.',
  },
  OUT_OF_ORDER_SEQUENCE: {
    code: 43,
    flags: 'u',
    meaning: 'A batch of an idempotent producer is missing before this one.',
  },
  UNKNOWN_PRODUCER: {
    code: 44,
    flags: 'u',
    meaning:
      'The partition knows nothing of this producer id and the batch is not its first; its state expired.',
  },
  PRODUCER_FENCED: {
    code: 45,
    flags: 'f',
    meaning: 'A newer epoch of the same producer id is known.',
  },
  OFFSET_OUT_OF_RANGE: {
    code: 46,
    flags: '',
    meaning:
      'The offset lies before the log start or after the high watermark; the context has both.',
  },
  TRUNCATED: {
    code: 47,
    flags: '',
    meaning:
      'What was read before the offset is not in the log any more (a reported loss); the context says where the logs agree.',
  },
  DISK_FULL: {
    code: 48,
    flags: 'r',
    meaning:
      'The broker keeps `disk.reserve.bytes` free and takes no more records; reads go on. Free space or shorten retention.',
  },
  NOT_ENOUGH_REPLICAS: {
    code: 49,
    flags: 'r',
    meaning: 'Fewer replicas in sync than the topic demands.',
  },
  UNCOMMITTED_FULL: {
    code: 50,
    flags: 'r',
    meaning: 'Too many bytes wait to be committed (a majority is slow or gone).',
  },
  NOT_COMMITTED_YET: {
    code: 51,
    flags: 'p',
    meaning: 'A new leader does not know the high watermark yet; it will after its first commit.',
  },
  REPLICA_FAILED: {
    code: 52,
    flags: 'r',
    meaning: 'The replica on this broker met a disk error or damage and is out of service.',
  },
  COMPRESSION_UNAVAILABLE: {
    code: 53,
    flags: '',
    meaning:
      'The codec of a batch is not installed in this process; the message names the package.',
  },
  LEADERSHIP_LOST: {
    code: 54,
    flags: 'pu',
    meaning:
      'The leader lost its office after it had appended the batch; the next leader may have it. A retry by an idempotent producer is safe.',
  },
  PARTITION_SEALED: {
    code: 55,
    flags: 'p',
    meaning: 'The partition is being switched to another mode and takes records again in a moment.',
  },
  STALE_EPOCH: {
    code: 56,
    flags: '',
    meaning: 'The partition has changed since: another leader, epoch or version is recorded.',
  },
  SWITCH_REFUSED: {
    code: 57,
    flags: '',
    meaning: 'The switch of mode is not possible now; the message says why. Nothing was changed.',
  },
  SESSION_UNKNOWN: {
    code: 58,
    flags: 'r',
    meaning: 'The fetch session or attachment is not known (any more): begin another one.',
  },
  REPLICA_NOT_READY: {
    code: 59,
    flags: '',
    meaning:
      'The replica that shall lead is on a broker that does not answer, or is being repaired. Start the broker, wait, or choose another one.',
  },

  DATA_CORRUPT: {
    code: 60,
    flags: 'f',
    meaning:
      'Damage below the position known to be on disk; the message has file and position. The replica is out of service until repaired.',
  },
  DATA_DIRECTORY_MISMATCH: {
    code: 61,
    flags: 'f',
    meaning: 'The data directory belongs to another broker or cluster.',
  },
  DATA_DIRECTORY_LOCKED: {
    code: 62,
    flags: 'f',
    meaning: 'Another process uses the data directory.',
  },
  DISK_FAILED: {
    code: 63,
    flags: 'f',
    meaning:
      'A write or sync failed; the broker (write-ahead log) or the replica (segment) is out of service.',
  },
  LOG_CLOSED: { code: 64, flags: '', meaning: 'The log was closed.' },
  TERM_LIMIT: {
    code: 65,
    flags: 'f',
    meaning: 'The epoch reached 2^31 - 1, the most a record batch can hold.',
  },

  QUEUE_FULL: {
    code: 80,
    flags: '',
    meaning: 'The producer buffers `maxBuffered` bytes already and was told not to wait.',
  },
  CLOSED: { code: 81, flags: 'f', meaning: 'The object was closed.' },
  ABORTED: { code: 82, flags: 'u', meaning: 'The caller aborted the call.' },
  INVALID_OPTION: {
    code: 83,
    flags: '',
    meaning: 'An option is unknown, out of range or in conflict with another one.',
  },
  VALIDATION_FAILED: {
    code: 84,
    flags: '',
    meaning: "The topic's schema or codec refused the value.",
  },
  NOT_FOUND: { code: 85, flags: '', meaning: 'What the request names does not exist.' },

  NOT_COORDINATOR: {
    code: 100,
    flags: 'p',
    meaning:
      'The broker does not coordinate the group; the context has the coordinator when known. Find it again.',
  },
  COORDINATOR_LOADING: {
    code: 101,
    flags: 'p',
    meaning: 'The coordinator of the group has just changed and still reads its log; try again.',
  },
  UNKNOWN_GROUP: {
    code: 102,
    flags: '',
    meaning: 'No group of this name has members or positions.',
  },
  GROUP_NOT_EMPTY: {
    code: 103,
    flags: '',
    meaning: 'The group has members that are in the way; stop them first. Nothing was changed.',
  },
  GROUP_FULL: {
    code: 104,
    flags: 'r',
    meaning: 'The group has as many members as are allowed; wait until one goes.',
  },
  UNKNOWN_MEMBER: {
    code: 105,
    flags: '',
    meaning:
      'The group does not have this member (any more): its session timed out, or it left. Give up its partitions and join anew.',
  },
  FENCED_MEMBER: {
    code: 106,
    flags: '',
    meaning:
      "The request names another epoch than the member's present one; nothing was committed or read. The next heartbeat tells the epoch and what the member may read.",
  },
  FENCED_INSTANCE: {
    code: 107,
    flags: 'f',
    meaning:
      'Another member has joined under the same instance id and taken the place; give each running program its own.',
  },
  NOT_OWNED: {
    code: 108,
    flags: '',
    meaning:
      'The member does not own the partition; its position was not committed, and not told to it to begin from.',
  },
  POSITION_BEHIND: {
    code: 109,
    flags: '',
    meaning:
      'A later position is committed already; positions go back only by a reset. Nothing was changed.',
  },

  UNACKED_FULL: {
    code: 120,
    flags: '',
    meaning:
      'The connection has as many records that it did not acknowledge as it may; acknowledge them, then receive more.',
  },
} as const satisfies Record<string, Row>;

/** The stable name of an error. */
export type ErrorCode = keyof typeof TABLE;

function kindOf(name: ErrorCode): ErrorKind {
  const { code, flags }: Row = TABLE[name];
  return Object.freeze({
    code,
    name,
    retriable: flags.includes('r') || flags.includes('p'),
    fatal: flags.includes('f'),
    outcome: flags.includes('u') ? 'unknown' : 'rejected',
  } as const);
}

const KINDS = new Map<ErrorCode, ErrorKind>(
  (Object.keys(TABLE) as ErrorCode[]).map((name) => [name, kindOf(name)]),
);
const BY_NUMBER = new Map<number, ErrorKind>([...KINDS.values()].map((kind) => [kind.code, kind]));

/** Makes an error of the table. */
export function zhumqError(
  name: ErrorCode,
  message: string,
  context?: ErrorContext,
  cause?: unknown,
): ZhumqError {
  return new ZhumqError(KINDS.get(name) as ErrorKind, message, context, cause);
}

/** The kind of a number from the wire; an unknown number is neither retriable nor known to be without effect. */
export function errorKindOf(code: number): ErrorKind {
  return (
    BY_NUMBER.get(code) ??
    Object.freeze({
      code,
      name: `UNKNOWN_${code}`,
      retriable: false,
      fatal: false,
      outcome: 'unknown',
    } as const)
  );
}

/** Whether an error is over within milliseconds where all goes well, so that the next try may come soon. */
export function isPassing(name: string): boolean {
  if (!KINDS.has(name as ErrorCode)) return false;
  const { flags }: Row = TABLE[name as ErrorCode];
  return flags.includes('p');
}

/** All rows, for docs/errors.md. */
export function errorTable(): readonly { kind: ErrorKind; meaning: string }[] {
  return [...KINDS].map(([name, kind]) => ({ kind, meaning: TABLE[name].meaning }));
}

/** Whether an error is the one of that name. */
export function isError(error: unknown, name: ErrorCode): error is ZhumqError {
  return ZhumqError.is(error) && error.code === name;
}
