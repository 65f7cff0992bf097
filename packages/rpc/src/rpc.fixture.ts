// What the tests of this package share: a server with handlers for everything, raw sockets, hand-made frames.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { RaftMessageType } from '../generated/raft_types.js';
import { BrokerService, RaftService, StoreService } from '../generated/services.js';
import { connectChannel } from './channel.js';
import type { ChannelOptions, RpcChannel } from './channel.js';
import { messageHeader } from './method.js';
import { createRpcServer } from './server.js';
import type { RpcServer, RpcServerOptions } from './server.js';
import { brokerService, raftService, storeService } from './services.js';
import type { BrokerHandler, RaftHandler, StoreHandler } from './services.js';
import { CALL, REPLY, TYPE } from './wire/message-reader.js';
import { MessageWriter } from './wire/message-writer.js';

const HOST = '127.0.0.1';
const open: { servers: RpcServer[]; channels: RpcChannel[]; sockets: Socket[] } = {
  servers: [],
  channels: [],
  sockets: [],
};

/** To be called after each test. */
export async function closeEverything(): Promise<void> {
  for (const channel of open.channels.splice(0)) channel.close();
  for (const socket of open.sockets.splice(0)) socket.destroy();
  await Promise.all(open.servers.splice(0).map((server) => server.close(0)));
}

export interface Handlers {
  readonly broker?: Partial<BrokerHandler>;
  readonly raft?: Partial<RaftHandler>;
  readonly store?: Partial<StoreHandler>;
}

const notMade = (): never => {
  throw new Error('this test serves no such call');
};

/** All methods of the contract; those not given throw. */
export function servicesOf(handlers: Handlers): RpcServerOptions['services'] {
  const broker: BrokerHandler = {
    produce: notMade,
    produceOneway: notMade,
    pull: notMade,
    listOffsets: notMade,
    backlogs: notMade,
    metadata: notMade,
    initProducer: () => ({ producerId: 7, producerEpoch: 0 }),
    describeReplicas: notMade,
    transferLeadership: notMade,
    reconcile: notMade,
    replicaEnds: notMade,
    sealPartition: notMade,
    closePartition: notMade,
    ...handlers.broker,
  };
  const raft: RaftHandler = {
    deliver: notMade,
    ping: () => undefined,
    describeSnapshot: notMade,
    readSegment: notMade,
    ...handlers.raft,
  };
  const store: StoreHandler = { call: (text) => `echo ${text}`, ...handlers.store };
  return [brokerService(broker), raftService(raft), storeService(store)];
}

export async function startServer(
  handlers: Handlers = {},
  options: Omit<RpcServerOptions, 'services'> = {},
): Promise<{ server: RpcServer; port: number }> {
  const server = createRpcServer({ ...options, services: servicesOf(handlers) });
  open.servers.push(server);
  const { port } = await server.listen(0, HOST);
  return { server, port };
}

export function openChannel(port: number, options: Partial<ChannelOptions> = {}): RpcChannel {
  const channel = connectChannel({ host: HOST, port, ...options });
  open.channels.push(channel);
  return channel;
}

/** A socket of which the test sends every byte itself. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ host: HOST, port, noDelay: true });
  open.sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Resolves when the socket is gone; whatever it still brings is thrown away. */
export function gone(socket: Socket): Promise<void> {
  socket.resume();
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once('close', () => resolve()));
}

/** A message of a Raft group, alone in its envelope. */
export const envelopeOf = <Body extends object>(body: Body) => ({
  clusterId: 'c',
  fromBroker: 1,
  incarnation: 1,
  toBroker: 2,
  messages: [
    {
      topicId: 't',
      partition: 0,
      generation: 1,
      fromReplica: 'a',
      toReplica: 'b',
      type: RaftMessageType.APPEND,
      term: 1,
      ...body,
    },
  ],
});

/** A whole frame that calls a method with its arguments by name; one that nobody serves gets an empty struct. */
export function callFrame(name: string, values: object, sequenceId = 1, kind = CALL): Buffer {
  const tables = [BrokerService, RaftService, StoreService].flatMap(({ methods }) => methods);
  const table = tables.find((one) => one.name === name);
  return messageFrame(name, kind, sequenceId, (writer) =>
    table === undefined ? writer.writeFieldStop() : new table.Arguments(values).write(writer),
  );
}

/** The answer to StoreService.call. */
export function replyFrame(sequenceId: number, text: string): Buffer {
  return messageFrame('call', REPLY, sequenceId, (writer) => {
    writer.writeFieldBegin('success', TYPE.STRING, 0);
    writer.writeString(text);
    writer.writeFieldStop();
  });
}

export function messageFrame(
  name: string,
  kind: number,
  sequenceId: number,
  body: (writer: MessageWriter) => void,
): Buffer {
  const writer = new MessageWriter();
  writer.beginFrame(messageHeader(kind, name), sequenceId);
  body(writer);
  writer.endFrame(1 << 30);
  return Buffer.concat(writer.take());
}

/** A length and any bytes after it. */
export function frameOf(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

/** Waits for a condition. */
export async function until(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A promise and what settles it. */
export function gate<T = void>(): { opened: Promise<T>; open: (value: T) => void } {
  let release!: (value: T) => void;
  const opened = new Promise<T>((resolve) => (release = resolve));
  return { opened, open: release };
}
