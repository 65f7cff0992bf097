// The wire is Thrift's: the stock client and server of the thrift package talk to ours, both ways.
import type { AddressInfo, Server } from 'node:net';
import thrift from 'thrift';
import * as StockBroker from '../generated/BrokerService.js';
import * as StockRaft from '../generated/RaftService.js';
import { RequestFailed, ReplicationMode } from '../generated/common_types.js';
import { RaftMessageType } from '../generated/raft_types.js';
import type { RaftEnvelope } from '../generated/raft_types.js';
import { zhumqError } from '@zhumq/model';
import { closeEverything, openChannel, startServer, until } from './rpc.fixture.js';
import { brokerClient, raftClient } from './services.js';

const STOCK = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };
let stockConnection: thrift.Connection | undefined;
let stockServer: Server | undefined;

afterEach(async () => {
  stockConnection?.end();
  stockConnection = undefined;
  await closeEverything();
  stockServer?.close();
  stockServer = undefined;
});

function stockClient<T>(service: object, port: number): T {
  stockConnection = thrift.createConnection('127.0.0.1', port, STOCK);
  stockConnection.on('error', () => undefined);
  return thrift.createClient(service as never, stockConnection) as T;
}

async function serveStock(service: object, handler: object): Promise<number> {
  const server = thrift.createServer(
    service as never,
    handler as never,
    STOCK,
  ) as unknown as Server;
  stockServer = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const BATCH = Buffer.from('a batch of records, not really');
const REQUEST = {
  acks: -1,
  timeoutMs: 1500,
  partitions: [
    { topic: 'orders', partition: 3, batch: BATCH },
    { topic: 'größe', partition: 4, batch: Buffer.alloc(100_000, 'z') },
  ],
};
const RESULT = {
  topic: 'orders',
  partition: 3,
  baseOffset: Number.MAX_SAFE_INTEGER,
  duplicate: true,
  logStart: 12,
  mode: ReplicationMode.FETCH,
  failure: { code: 20, message: 'elsewhere', context: { leader: '2' } },
};

test('the stock client calls our server', async () => {
  const seen: unknown[] = [];
  const { port } = await startServer({
    broker: {
      produce: (request) => {
        seen.push(request);
        return { partitions: [RESULT] };
      },
    },
  });
  const client = stockClient<StockBroker.Client>(StockBroker, port);
  const { partitions } = await client.produce(REQUEST);
  expect(seen).toEqual([REQUEST]);
  expect({ ...partitions[0], baseOffset: 0, logStart: Number(partitions[0].logStart) }).toEqual({
    ...RESULT,
    baseOffset: 0,
  });
  expect(Number(partitions[0].baseOffset)).toBe(Number.MAX_SAFE_INTEGER);
});

test('the stock client gets our errors as the exception of the contract', async () => {
  const { port } = await startServer({
    broker: {
      initProducer: () => {
        throw zhumqError('STOPPING', 'going down', { broker: 4 });
      },
    },
  });
  const client = stockClient<StockBroker.Client>(StockBroker, port);
  const error: unknown = await client.initProducer().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RequestFailed);
  expect((error as RequestFailed).failure).toEqual({
    code: 8,
    message: 'going down',
    context: { broker: '4' },
    name: 'STOPPING',
    retriable: true,
    maybeDone: false,
  });
});

test('the stock client is told of a method that is not served, with the type of the exception', async () => {
  const { port } = await startServer();
  const client = stockClient<Record<string, (path: string) => Promise<unknown>>>(
    jest.requireActual<object>('../generated/ZkServerService.js'),
    port,
  );
  const error = await client.dumpStore('/').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'TApplicationException', type: 1 });
});

test('our client calls the stock server', async () => {
  const seen: unknown[] = [];
  const port = await serveStock(StockBroker, {
    produce: (request: unknown) => {
      seen.push(request);
      return Promise.resolve({ partitions: [RESULT] });
    },
  });
  const client = brokerClient(openChannel(port));
  await expect(client.produce(REQUEST)).resolves.toEqual({ partitions: [RESULT] });
  expect(seen).toEqual([REQUEST]);
});

test('our client reads the exceptions of the stock server', async () => {
  const failure = { code: 22, message: 'no such topic', context: { topic: 'nil' } };
  const port = await serveStock(StockBroker, {
    describeReplicas: (_topic: string, _partition: number) =>
      Promise.reject(new RequestFailed({ failure })),
    initProducer: () => Promise.reject(new Error('boom')),
  });
  const client = brokerClient(openChannel(port));
  await expect(client.describeReplicas('nil', 0)).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC',
    message: 'no such topic',
    retriable: true,
    context: { topic: 'nil' },
  });
  await expect(client.initProducer()).rejects.toMatchObject({ code: 'INTERNAL', message: 'boom' });
});

const ENVELOPE: RaftEnvelope = {
  clusterId: 'c'.repeat(32),
  fromBroker: 1,
  incarnation: 5,
  toBroker: 2,
  messages: [
    {
      topicId: 't'.repeat(32),
      partition: 0,
      generation: 1,
      fromReplica: 'a'.repeat(32),
      toReplica: 'b'.repeat(32),
      type: RaftMessageType.APPEND,
      term: 3,
      offset: 10,
      epoch: 2,
      commit: -1,
      batches: BATCH,
      rejected: false,
    },
  ],
};

test('one-way messages pass from the stock client to us and from us to the stock server', async () => {
  const seen: RaftEnvelope[] = [];
  const { port } = await startServer({ raft: { deliver: (envelope) => void seen.push(envelope) } });
  await stockClient<StockRaft.Client>(StockRaft, port).deliver(ENVELOPE);
  await until(() => seen.length === 1);
  expect(seen[0]).toEqual(ENVELOPE);
  expect(seen[0].messages[0].matched).toBeUndefined();

  const atStock: RaftEnvelope[] = [];
  const stockPort = await serveStock(StockRaft, {
    deliver: (envelope: RaftEnvelope) => void atStock.push(envelope),
  });
  expect(raftClient(openChannel(stockPort)).deliver(ENVELOPE)).toBe(true);
  await until(() => atStock.length === 1);
  expect(atStock[0].messages[0].batches).toEqual(BATCH);
});
