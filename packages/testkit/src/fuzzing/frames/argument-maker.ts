// Arguments and results for any method, by the types and names of their fields: mostly what a real caller would say of
// the cluster under attack, and at the hostility asked for what nobody should say.
import type { Random } from '@zhumq/base';
import type { FieldSchema, MethodSchema, TypeSchema } from './contract.js';
import { BatchMaker } from './hostile-batches.js';
import type { Vocabulary } from './vocabulary.js';
import { TYPE, double, integer, struct, text } from './wire-value.js';
import type { ListValue, MapValue, StructValue, WireValue } from './wire-value.js';

const STRANGE_NUMBERS = [
  ...[-1n, 0n, 1n, -2n, 127n, 128n, 255n, 65_535n, 1_000_000n, 2n ** 31n - 1n, -(2n ** 31n)],
  ...[2n ** 32n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)],
] as const;
const STRANGE_TEXTS = [
  ...['', ' ', '\0', '.', '..', '../../../etc/passwd', '/', 'a/b', 'nowhere', '__groups', '__x'],
  ...['ünïcödé', '💣'.repeat(20), 'a'.repeat(249), 'a'.repeat(250), 'x'.repeat(5_000)],
  ...['__proto__', 'constructor', 'toString', '%s%n', '{"a":1}', 'NaN', '-1', '\ud800', '\n\r'],
];
const LONG_TEXT = 'n'.repeat(1 << 20);
const SETTINGS: readonly (readonly [string, string])[] = [
  ...([
    ['retention.ms', '600000'],
    ['retention.bytes', '1048576'],
  ] as const),
  ...([
    ['max.message.bytes', '1000'],
    ['no.such.setting', 'x'],
  ] as const),
];
/** Of an ordinary request: how long it may wait at the server. */
const WAIT_MS = 20;

export class ArgumentMaker {
  private readonly batches: BatchMaker;

  constructor(
    private readonly random: Random,
    private readonly words: Vocabulary,
    /** What is named as a topic. */
    private readonly topics: readonly string[] = words.topics,
  ) {
    this.batches = new BatchMaker(random);
  }

  batch(good: boolean): Buffer {
    return good ? this.batches.valid() : this.batches.hostile();
  }

  /** `hostility`: share of values that are strange, from 0 to 1. */
  arguments(method: MethodSchema, hostility: number): StructValue {
    return this.fields(method.parameters, hostility, method.name);
  }

  /** An answer: a result, or what the method may throw. */
  result(method: MethodSchema, hostility: number): StructValue {
    const { result, throws } = method;
    const fails = throws.length > 0 && this.random.below(4) === 0;
    if (!fails && result !== undefined) {
      return struct([{ id: 0, value: this.value(result, 'success', hostility, method.name) }]);
    }
    return fails ? this.fields(throws, hostility, method.name) : struct();
  }

  private fields(fields: readonly FieldSchema[], hostility: number, method: string): StructValue {
    const kept = fields.filter(({ optional }) => !optional || this.random.below(2) === 0);
    return struct(
      kept.map(({ id, name, type }) => ({ id, value: this.value(type, name, hostility, method) })),
    );
  }

  private value(type: TypeSchema, name: string, hostility: number, method: string): WireValue {
    const strange = this.random.fraction() < hostility;
    switch (type.kind) {
      case 'struct':
        return this.fields(type.fields, hostility, method);
      case 'list':
      case 'set':
        return this.list(type.item, name, hostility, method);
      case 'map':
        return this.settings(hostility);
      case 'enum':
        return integer(TYPE.I32, strange ? this.strangeNumber() : this.oneOf(type.values));
      case 'bool':
        return integer(TYPE.BOOL, this.flag(name, method) ? 1 : 0);
      case 'double':
        return double(this.oneOf(strange ? [NaN, Infinity, -1, 1e308] : [0, 1, 2]));
      case 'string':
        return text(strange ? this.strangeText() : this.word(name, method));
      case 'binary':
        return text(strange ? this.batches.hostile() : this.bytes(name));
      default: {
        const { kind } = type;
        const wire = { byte: TYPE.BYTE, i16: TYPE.I16, i32: TYPE.I32, i64: TYPE.I64 }[kind];
        return integer(wire, strange ? this.strangeNumber() : this.number(name));
      }
    }
  }

  private list(item: TypeSchema, name: string, hostility: number, method: string): ListValue {
    const many = this.random.fraction() < hostility / 8 ? 200 : 3;
    const items = Array.from({ length: this.random.below(many + 1) }, () =>
      this.value(item, name, hostility, method),
    );
    return { form: 'list', type: TYPE.LIST, itemType: wireTypeOf(item), items };
  }

  private settings(hostility: number): MapValue {
    const strange = this.random.fraction() < hostility;
    const entries = Array.from({ length: this.random.below(3) }, () => {
      const [key, value] = this.oneOf(SETTINGS);
      return [text(key), text(strange ? this.strangeText() : value)] as const;
    });
    const type = TYPE.STRING;
    return { form: 'map', type: TYPE.MAP, keyType: type, valueType: type, entries };
  }

  /** Orders that would be carried out are mostly given as questions: topics must not grow without end. */
  private flag(name: string, method: string): boolean {
    if (name !== 'dryRun') return this.random.below(2) === 0;
    return this.random.below(method === 'createTopic' || method === 'switchMode' ? 100 : 20) > 0;
  }

  private word(name: string, method: string): string {
    const { random, words } = this;
    // In the name of this cluster it would be believed.
    if (method === 'reconcile' && name === 'clusterId') return STRANGE_CLUSTER;
    if (method === 'deleteTopic') return this.oneOf(words.shortLivedTopics);
    switch (name) {
      case 'topic':
      case 'topics':
      case 'name':
        return this.oneOf(this.topics);
      case 'topicId':
        return this.oneOf(words.topicIds);
      case 'clusterId':
        return words.clusterId;
      case 'replicaId':
      case 'fromReplica':
      case 'toReplica':
      case 'replicas':
      case 'isr':
      case 'elr':
        return this.oneOf(words.replicaIds);
      case 'directoryId':
        return this.oneOf(words.directoryIds);
      case 'group':
      case 'groups':
        return this.oneOf(words.groups);
      case 'forgotten':
        return `${this.oneOf(words.topicIds)}-${random.below(2)}`;
      case 'memberId':
      case 'instanceId':
        return this.oneOf(['', `member-${random.below(20)}`]);
      case 'path':
        return this.oneOf(['/', '/topics', '/brokers/ids', '/controller']);
      case 'host':
        return this.oneOf(words.addresses).host;
      case 'request':
        return this.storeRequest();
      default:
        return `${name}-${random.below(8)}`;
    }
  }

  private storeRequest(): string {
    const { random } = this;
    const session = String(random.below(5));
    const operations = [
      { op: 'get', path: '/cluster/id' },
      { op: 'children', path: '/brokers' },
      { op: 'create', path: `/fuzz/${random.below(50)}`, data: 'eA==' },
      { op: 'delete', path: `/fuzz/${random.below(50)}`, version: -1 },
    ];
    return JSON.stringify({ session, ...this.oneOf(operations), id: random.below(100) });
  }

  private bytes(name: string): Buffer {
    if (name === 'batch' || name === 'batches' || name === 'data') return this.batches.valid();
    return Buffer.alloc(this.random.below(64), name);
  }

  private number(name: string): number {
    const { random, words } = this;
    if (/timeoutMs|waitMs|maxWaitMs/i.test(name)) return random.below(WAIT_MS);
    if (/bytes|bufferBytes/i.test(name)) return 1 << random.below(21);
    switch (name) {
      case 'acks':
        return this.oneOf([-1, 1]);
      case 'partition':
      case 'partitions':
        return random.below(2);
      case 'replicationFactor':
        return this.oneOf([1, 3]);
      case 'broker':
      case 'toBroker':
      case 'leader':
      case 'id':
        return this.oneOf(words.brokers);
      case 'fromBroker':
        return this.oneOf([...words.brokers, STRANGER]);
      case 'incarnation':
      case 'leaderIncarnation':
        return this.oneOf(words.incarnations);
      case 'port':
        return this.oneOf(words.addresses).port;
      case 'controllerEpoch':
        return words.controllerEpoch;
      case 'generation':
        return this.oneOf([1, 1, 1, 2]);
      case 'lastEpoch':
        return this.oneOf([-1, 1]);
      default:
        return random.below(this.oneOf([3, 20, 2_000]));
    }
  }

  private strangeNumber(): bigint {
    const { random } = this;
    if (random.below(3) > 0) return this.oneOf(STRANGE_NUMBERS);
    return BigInt(random.below(2 ** 31)) * BigInt(1 + random.below(2 ** 31));
  }

  private strangeText(): string {
    if (this.random.below(2_000) === 0) return LONG_TEXT;
    return this.oneOf(STRANGE_TEXTS);
  }

  private oneOf<T>(values: readonly T[]): T {
    return values[this.random.below(values.length)];
  }
}

const STRANGE_CLUSTER = 'f0'.repeat(16);
/** The id of no broker, and no change of one bit makes it one. */
const STRANGER = 0x4d;

export function wireTypeOf(type: TypeSchema): number {
  switch (type.kind) {
    case 'struct':
      return TYPE.STRUCT;
    case 'list':
      return TYPE.LIST;
    case 'set':
      return TYPE.SET;
    case 'map':
      return TYPE.MAP;
    case 'enum':
      return TYPE.I32;
    case 'string':
    case 'binary':
      return TYPE.STRING;
    default:
      return SCALAR_TYPES[type.kind];
  }
}

const SCALAR_TYPES = {
  bool: TYPE.BOOL,
  byte: TYPE.BYTE,
  i16: TYPE.I16,
  i32: TYPE.I32,
  i64: TYPE.I64,
  double: TYPE.DOUBLE,
} as const;
