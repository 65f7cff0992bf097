// Plays brokers and zkservers towards @zhumq/client: answers every call, mostly as a real one would, so that the client
// goes on, and otherwise with whatever a broken or wicked server may say; pushes records that nobody asked for.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Random } from '@zhumq/base';
import { ArgumentMaker } from './argument-maker.js';
import type { MethodSchema } from './contract.js';
import { bend, framed, noise, scramble, wrongLength } from './mutations.js';
import { CHECKED_TOPICS } from './vocabulary.js';
import type { Vocabulary } from './vocabulary.js';
import { KIND, TYPE, frameOf, integer, struct, text } from './wire-value.js';
import type { ListValue, StructValue, WireValue } from './wire-value.js';

export interface RogueOptions {
  readonly contracts: readonly MethodSchema[];
  readonly random: Random;
  readonly onFrame: () => void;
}

const HOST = '127.0.0.1';
const SERVERS = 2;
const MAX_FRAME_BYTES = 1 << 26;
const HOSTILITY = 0.2;
const TOPIC = 'prey';
const PARTITIONS = 2;
const PUSHES = 6;
/** Shares of a hundred; the rest is as it should be. */
const MANNERS = {
  hostile: 14,
  bent: 8,
  scrambled: 6,
  wrongLength: 1,
  noise: 1,
  other: 2,
  silent: 1,
};
type Manner = keyof typeof MANNERS | 'right';

export class RogueServers {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private values: ArgumentMaker | undefined;
  private ports: number[] = [];
  private readonly byName: ReadonlyMap<string, MethodSchema>;
  private readonly pushes: readonly MethodSchema[];
  private last = framed(Buffer.from('80010002', 'hex'));
  private offset = 0;

  constructor(private readonly options: RogueOptions) {
    this.byName = new Map(options.contracts.map((method) => [method.name, method]));
    this.pushes = options.contracts.filter(({ service }) => service === 'ConsumerService');
  }

  get bootstrap(): string {
    return this.ports.map((port) => `${HOST}:${port}`).join(',');
  }

  async listen(): Promise<void> {
    for (let index = 0; index < SERVERS; index++) {
      const server = createServer((socket) => this.serve(socket));
      await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
      this.servers.push(server);
      this.ports.push((server.address() as AddressInfo).port);
    }
    this.values = new ArgumentMaker(this.options.random, wordsOf(this.ports));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((one) => new Promise((resolve) => one.close(resolve))));
  }

  private serve(socket: Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 4) {
        const end = 4 + rest.readInt32BE(0);
        if (end < 20 || end > MAX_FRAME_BYTES) return void socket.destroy();
        if (rest.length < end) return;
        this.answer(socket, rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
  }

  private answer(socket: Socket, frame: Buffer): void {
    const nameBytes = frame.readInt32BE(8);
    const name = frame.toString('latin1', 12, 12 + nameBytes);
    const method = this.byName.get(name);
    if (method === undefined) return void socket.destroy();
    const sequenceId = frame.readInt32BE(12 + nameBytes);
    if (!method.oneway) this.say(socket, KIND.REPLY, method, sequenceId, this.result(method));
    const pushes = name === 'attach' || name === 'changeAttachment' || name === 'grantCredit';
    if (pushes) for (let count = 0; count < PUSHES; count++) this.push(socket);
  }

  private push(socket: Socket): void {
    const { random, contracts } = this.options;
    // Sometimes what no client serves.
    const from = random.below(20) === 0 ? contracts : this.pushes;
    const method = from[random.below(from.length)];
    const body = method.name === 'deliver' ? this.delivery() : this.maker.arguments(method, 0);
    this.say(socket, KIND.ONEWAY, method, 0, body);
  }

  /** Sends it, in one manner or another. */
  private say(
    socket: Socket,
    kind: number,
    method: MethodSchema,
    sequenceId: number,
    right: StructValue,
  ): void {
    const { random } = this.options;
    const manner = this.manner(method);
    if (manner === 'silent') return;
    let body = right;
    if (manner === 'hostile')
      body =
        kind === KIND.REPLY
          ? this.maker.result(method, HOSTILITY)
          : this.maker.arguments(method, HOSTILITY);
    if (manner === 'bent') bend(body, random);
    const id = manner === 'other' ? random.below(1000) : sequenceId;
    const good = frameOf({ kind, name: Buffer.from(method.name), sequenceId: id, body });
    let bytes = good;
    if (manner === 'scrambled') bytes = scramble(good, random, () => this.last);
    if (manner === 'wrongLength') bytes = wrongLength(good, random);
    if (manner === 'noise') bytes = noise(random);
    this.last = good;
    this.options.onFrame();
    socket.write(bytes);
  }

  /** Who is told nothing right of the cluster goes no further, so that it mostly is. */
  private manner({ name }: MethodSchema): Manner {
    const { random } = this.options;
    if (name === 'metadata' && random.below(3) > 0) return 'right';
    let drawn = random.below(100);
    for (const [manner, share] of Object.entries(MANNERS)) {
      drawn -= share;
      if (drawn < 0) return manner as Manner;
    }
    return 'right';
  }

  private get maker(): ArgumentMaker {
    if (this.values === undefined) throw new Error('it does not listen yet');
    return this.values;
  }

  private result(method: MethodSchema): StructValue {
    if (method.name === 'metadata') return success(metadataOf(this.ports, this.options.random));
    if (method.name === 'findCoordinator') return success(endpoint(1, this.ports[0]));
    return this.maker.result(method, 0);
  }

  private delivery(): StructValue {
    const { random } = this.options;
    const batches = this.maker.batch(random.below(3) > 0);
    const field = (id: number, value: WireValue): { id: number; value: WireValue } => ({
      id,
      value,
    });
    if (random.below(2) === 0) this.offset += 1;
    return struct([
      ...[field(1, text(TOPIC)), field(2, integer(TYPE.I32, random.below(PARTITIONS)))],
      ...[field(3, text(batches)), field(4, i64(this.offset + 10)), field(5, i64(batches.length))],
      ...[field(6, i64(1)), field(7, i64(1 + random.below(3))), field(8, i64(this.offset))],
      field(9, i64(0)),
    ]);
  }
}

const i64 = (value: number): WireValue => integer(TYPE.I64, value);
const success = (value: WireValue): StructValue => struct([{ id: 0, value }]);

function wordsOf(ports: readonly number[]): Vocabulary {
  const id = 'ab'.repeat(16);
  return {
    ...{ clusterId: id, controllerEpoch: 1, brokers: [1, 2], incarnations: [1] },
    addresses: ports.map((port) => ({ host: HOST, port })),
    ...{ topics: [TOPIC], topicIds: [id], replicaIds: [id], directoryIds: [id] },
    ...{ shortLivedTopics: [TOPIC], groups: ['pack'], checkedTopics: CHECKED_TOPICS },
    checkedIdentities: [],
  };
}

function endpoint(id: number, port: number): StructValue {
  return fields([integer(TYPE.I32, id), text(HOST), integer(TYPE.I32, port)]);
}

/** Two brokers, two zkservers, and one topic. */
function metadataOf(ports: readonly number[], random: Random): StructValue {
  const id = text('ab'.repeat(16));
  const i32 = (value: number): WireValue => integer(TYPE.I32, value);
  const brokers = ports.map((port, index) =>
    fields([
      ...[endpoint(index + 1, port), text(''), { ...i64(0), type: TYPE.DOUBLE }, i64(1), id],
      integer(TYPE.BOOL, 1),
    ]),
  );
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) =>
    fields([
      ...[i32(partition), list([fields([i32(1), id, id])]), i32(1 + random.below(SERVERS))],
      ...[i64(1), i32(1 + random.below(2)), i64(1), list([], TYPE.STRING)],
    ]),
  );
  const config: WireValue = {
    ...{ form: 'map', type: TYPE.MAP, keyType: TYPE.STRING, valueType: TYPE.STRING, entries: [] },
  };
  const topic = fields([text(TOPIC), id, i32(1), config, list(partitions)]);
  const zkservers = ports.map((port, index) => endpoint(index + 1, port));
  return fields([id, list(brokers), list(zkservers), i32(1), i64(1), list([topic])]);
}

/** Numbered from 1. */
const fields = (values: readonly WireValue[]): StructValue =>
  struct(values.map((value, index) => ({ id: index + 1, value })));

const list = (items: WireValue[], itemType: number = TYPE.STRUCT): ListValue => ({
  ...{ form: 'list', type: TYPE.LIST, itemType, items },
});
