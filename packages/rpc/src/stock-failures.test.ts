// The stock stack of the thrift package hangs or crashes on the inputs below; each test is one of them. Rows that only
// concern its own classes (maps with i64 keys, views of Int64, createConnection without options) have no counterpart.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { silentLogger } from '@zhumq/base';
import type { Logger } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { BrokerHandler, RaftHandler, StoreHandler } from './services.js';
import { brokerClient, raftClient, storeClient } from './services.js';
import {
  closeEverything,
  callFrame,
  frameOf,
  gate,
  gone,
  openChannel,
  openSocket,
  replyFrame,
  startServer,
  until,
} from './rpc.fixture.js';

const MIB = 1024 * 1024;
let bare: { server: Server; sockets: Socket[] } | undefined;

afterEach(async () => {
  await closeEverything();
  bare?.server.close();
  // A socket that nobody reads does not notice that the other side is gone.
  for (const socket of bare?.sockets ?? []) socket.destroy();
  bare = undefined;
});

/** A server whose every byte comes from the test. */
async function bareServer(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  bare = { server, sockets };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function recorder(): {
  logger: Logger;
  lines: { context: Record<string, unknown>; message: string }[];
} {
  const lines: { context: Record<string, unknown>; message: string }[] = [];
  const note = (context: object, message: string): void =>
    void lines.push({ context: context as Record<string, unknown>, message });
  const logger: Logger = { ...silentLogger, warn: note, error: note, child: () => logger };
  return { logger, lines };
}

/** What a handler may do although its type forbids it. */
const lawless = (method: unknown): never => method as never;

async function staysAlive(port: number): Promise<void> {
  await expect(storeClient(openChannel(port)).call('x')).resolves.toBe('echo x');
}

test('1: a peer that speaks HTTP or resets its connection does not crash the server', async () => {
  const { logger, lines } = recorder();
  const refused: string[] = [];
  const { port } = await startServer(
    {},
    { logger, metrics: { refused: (reason) => refused.push(reason) } },
  );
  const http = await openSocket(port);
  http.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await gone(http);
  const reset = await openSocket(port);
  reset.resetAndDestroy();
  await staysAlive(port);
  expect(refused).toEqual(['bad-input']);
  expect(lines[0].context).toMatchObject({ reason: 'bad-input' });
  expect(lines[0].context.detail).toContain('a frame of 1195725856 bytes');
});

test('2: a huge length followed by a flood costs the server nothing', async () => {
  const { port } = await startServer();
  const before = process.memoryUsage().arrayBuffers;
  const socket = await openSocket(port);
  socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  for (let count = 0; count < 50 && !socket.destroyed; count++) socket.write(Buffer.alloc(MIB));
  await gone(socket);
  await staysAlive(port);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * MIB);
});

test('3: a message over the limit is refused to its caller, and so is an answer', async () => {
  const { port } = await startServer(
    { store: { call: (text) => 'y'.repeat(Number(text)) } },
    { limits: { maxFrameBytes: 1000 } },
  );
  const small = storeClient(openChannel(port, { maxFrameBytes: 1000 }));
  await expect(small.call('1'.repeat(1000))).rejects.toMatchObject({
    code: 'FRAME_TOO_LARGE',
    context: { limit: 1000 },
  });
  await expect(small.call('2000')).rejects.toMatchObject({
    code: 'INTERNAL',
    outcome: 'unknown',
    context: { limit: '1000' },
  });
  await expect(small.call('3')).resolves.toBe('yyy');
  await expect(storeClient(openChannel(port)).call('1'.repeat(1000))).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
  });
});

test('4: a server that sends a negative length does not stop the client', async () => {
  const port = await bareServer((socket) => socket.write(Buffer.from([0xff, 0xff, 0xff, 0xfc])));
  await expect(storeClient(openChannel(port)).call('x')).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    cause: { name: 'MalformedMessage' },
  });
});

test('5: calls settle when their connection ends and when none can be made', async () => {
  const port = await bareServer((socket) => socket.once('data', () => socket.destroy()));
  const channel = openChannel(port);
  const calls = ['a', 'b', 'c'].map((text) => storeClient(channel).call(text));
  for (const call of await Promise.allSettled(calls)) {
    expect(call).toMatchObject({
      reason: { code: 'CONNECTION_LOST', outcome: 'unknown', retriable: true },
    });
  }
  bare?.server.close();
  const refused = storeClient(openChannel(port)).call('d');
  await expect(refused).rejects.toMatchObject({
    code: 'CONNECTION_REFUSED',
    outcome: 'rejected',
    retriable: true,
  });
});

test('6: a call that is not answered ends at its deadline', async () => {
  const { opened, open } = gate<string>();
  const { port } = await startServer({ store: { call: () => opened } });
  const channel = openChannel(port, { callTimeoutMs: 30 });
  await expect(storeClient(channel).call('x')).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'unknown',
  });
  await expect(storeClient(channel).call('x', { timeoutMs: 10 })).rejects.toMatchObject({
    context: { timeoutMs: 10 },
  });
  // The late answers are dropped; the connection goes on.
  open('late');
  await expect(storeClient(channel).call('x', { timeoutMs: 5000 })).resolves.toBe('late');
});

test('7: an argument that can not be written rejects its call and harms no other', async () => {
  const { port } = await startServer();
  const client = storeClient(openChannel(port));
  const before = client.call('before');
  await expect(client.call(lawless(5))).rejects.toThrow(
    new TypeError('a string is needed, not number'),
  );
  await expect(before).resolves.toBe('echo before');
  await expect(client.call('after')).resolves.toBe('echo after');
});

test('8: a handler that answers with the wrong type is an internal error of that call', async () => {
  const { logger, lines } = recorder();
  const call: StoreHandler['call'] = (text) => (text === 'wrong' ? lawless(7) : text);
  const { port } = await startServer({ store: { call } }, { logger });
  const client = storeClient(openChannel(port));
  const [wrong, right] = await Promise.allSettled([client.call('wrong'), client.call('right')]);
  expect(wrong).toMatchObject({ reason: { code: 'INTERNAL', outcome: 'unknown' } });
  expect(right).toMatchObject({ value: 'right' });
  expect(lines[0].context).toMatchObject({
    method: 'call',
    err: new TypeError('a string is needed, not number'),
  });
});

test('9: handlers are called alike, however their parameters are declared', async () => {
  const seen: unknown[][] = [];
  const note = (...values: unknown[]): void => void seen.push(values);
  const handlers: BrokerHandler['transferLeadership'][] = [
    (...values) => note(...values.slice(0, 3), values.length),
    (topic, partition = 9, toBroker = 9, ...rest) =>
      note(topic, partition, toBroker, 3 + rest.length),
    jest.fn((topic, partition, toBroker, context) =>
      note(topic, partition, toBroker, context ? 4 : 3),
    ),
    () => note('orders', 4, 2, 4),
  ];
  for (const transferLeadership of handlers) {
    const { port } = await startServer({ broker: { transferLeadership } });
    await brokerClient(openChannel(port)).transferLeadership('orders', 4, 2);
  }
  expect(seen).toEqual(handlers.map(() => ['orders', 4, 2, 4]));
});

const envelope = { clusterId: '', fromBroker: 1, incarnation: 1, toBroker: 2, messages: [] };

test('10: a one-way handler that throws or rejects is logged and harms nothing', async () => {
  const { logger, lines } = recorder();
  const failures: RaftHandler['deliver'][] = [
    () => Promise.reject(new Error('rejected')),
    () => {
      throw new Error('thrown');
    },
    () => {
      throw zhumqError('STALE_INCARNATION', 'too old');
    },
  ];
  for (const deliver of failures) {
    const { port } = await startServer({ raft: { deliver } }, { logger });
    const channel = openChannel(port);
    expect(raftClient(channel).deliver(envelope)).toBe(true);
    await expect(storeClient(channel).call('x')).resolves.toBe('echo x');
  }
  expect(lines.map(({ context }) => (context.err as Error).message)).toEqual([
    'rejected',
    'thrown',
    'too old',
  ]);
});

test.each([undefined, null, 'text', 0])(
  '11: a handler that throws %p is an internal error',
  async (thrown) => {
    const { port } = await startServer({
      store: {
        call: () => {
          throw thrown;
        },
      },
    });
    await expect(storeClient(openChannel(port)).call('x')).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  },
);

test.each([null, undefined])(
  '12: a handler that answers with %p is an internal error',
  async (value) => {
    const { port } = await startServer({ store: { call: () => lawless(value) } });
    await expect(storeClient(openChannel(port)).call('x')).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  },
);

test('an error that nobody foresaw is logged, and nothing of it is sent', async () => {
  const { logger, lines } = recorder();
  const secret = new Error('the password is 1234');
  const { port } = await startServer({ store: { call: () => Promise.reject(secret) } }, { logger });
  const error = await storeClient(openChannel(port))
    .call('x')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'INTERNAL', context: {} });
  expect(JSON.stringify(error) + String(error)).not.toContain('1234');
  expect(lines[0].context.err).toBe(secret);
});

test('13: the answer to an unknown method carries its type', async () => {
  const { port } = await startServer();
  const socket = await openSocket(port);
  socket.write(callFrame('nonsense', { request: 'x' }, 77));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(answer.readUInt32BE(4)).toBe(0x8001_0003);
  expect(answer.toString('latin1', 12, 20)).toBe('nonsense');
  expect(answer.readInt32BE(20)).toBe(77);
  // Field 2, an i32 of 1, and the end of the struct.
  expect(answer.subarray(-8)).toEqual(Buffer.from([8, 0, 2, 0, 0, 0, 1, 0]));
});

test('15: a connection that ends within a frame leaves nothing behind for the next', async () => {
  let accepted = 0;
  const port = await bareServer((socket) => {
    accepted++;
    socket.once('data', (request) => {
      if (accepted === 1) socket.end(Buffer.from([0, 0, 0, 50, 0x80, 1]));
      else socket.write(replyFrame(request.readInt32BE(16), 'good'));
    });
  });
  const channel = openChannel(port, { backoff: { minMs: 0, maxMs: 0 } });
  await expect(storeClient(channel).call('x')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await expect(storeClient(channel).call('x')).resolves.toBe('good');
});

test.each([5n, '16', { valueOf: () => 5 }, 2 ** 53, 1.5])(
  '16, 17, 19: %p is no i64',
  async (value) => {
    const { port } = await startServer({
      raft: { readSegment: () => ({ data: Buffer.from('ok'), crc: 1 }) },
    });
    const client = raftClient(openChannel(port));
    const request = { topicId: 't', partition: 0, generation: 1, fromReplica: 'a' };
    await expect(client.readSegment(request, lawless(value), 0, 10)).rejects.toThrow(RangeError);
    await expect(client.readSegment(request, 16, 0, 10)).resolves.toMatchObject({ crc: 1 });
  },
);

test('20: an i64 beyond what a number holds refuses that request only', async () => {
  const { port } = await startServer();
  const socket = await openSocket(port);
  const values = {
    partitions: [{ topic: 't', partition: 0, offset: 1, maxBytes: 1, lastEpoch: 1234 }],
  };
  const args = { request: { ...values, maxWaitMs: 0, minBytes: 0, maxBytes: 0 } };
  const frame = callFrame('pull', args);
  frame.writeInt32BE(0x7fff_ffff, frame.lastIndexOf(Buffer.from([0, 0, 4, 0xd2])) - 4);
  socket.write(frame);
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(answer.toString()).toContain('is beyond the integers');
  socket.write(callFrame('call', { request: 'still here' }, 2));
  const next = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(next.toString()).toContain('echo still here');
});

test('21: a client that does not read its answers is not read from', async () => {
  const answer = Buffer.alloc(MIB);
  let served = 0;
  const readSegment: RaftHandler['readSegment'] = () => {
    served++;
    return { data: answer, crc: 0 };
  };
  const { server, port } = await startServer(
    { raft: { readSegment } },
    { limits: { maxBufferedBytes: 8 * MIB, drainTimeoutMs: 300 } },
  );
  const socket = await openSocket(port);
  socket.pause();
  const request = { topicId: 't', partition: 0, generation: 1, fromReplica: 'a' };
  const values = { request, baseOffset: 0, position: 0, maxBytes: 1 };
  for (let id = 1; id <= 1000; id++) socket.write(callFrame('readSegment', values, id));
  await until(() => served > 8);
  const other = storeClient(openChannel(port));
  for (let n = 0; n < 5; n++) await expect(other.call('x')).resolves.toBe('echo x');
  // What the kernel holds comes on top of the limit.
  expect(served).toBeLessThan(40);
  // And in the end it is not waited for any more.
  await until(() => server.connectionCount === 1);
});

test('21b: a client that reads again is served the rest', async () => {
  const { port } = await startServer(
    { raft: { readSegment: () => ({ data: Buffer.alloc(MIB), crc: 0 }) } },
    { limits: { maxBufferedBytes: 2 * MIB } },
  );
  const client = raftClient(openChannel(port));
  const request = { topicId: 't', partition: 0, generation: 1, fromReplica: 'a' };
  const calls = Array.from({ length: 60 }, () => client.readSegment(request, 0, 0, MIB));
  for (const { data } of await Promise.all(calls)) expect(data).toHaveLength(MIB);
});

test('22: a message that is cut off within its frame ends its connection', async () => {
  const { port } = await startServer();
  const whole = callFrame('call', { request: 'abc' });
  for (let bytes = 4; bytes < whole.length; bytes++) {
    const socket = await openSocket(port);
    socket.write(frameOf(whole.subarray(4, bytes)));
    await gone(socket);
  }
  await staysAlive(port);
});

test('23: structs nested without end are malformed, not a stack overflow', async () => {
  const { port } = await startServer();
  const socket = await openSocket(port);
  const nested = Buffer.alloc(600_000);
  for (let at = 0; at < nested.length; at += 3) nested.set([12, 0, 99], at);
  const head = callFrame('call', { request: '' }).subarray(4, 20);
  socket.write(frameOf(Buffer.concat([head, nested])));
  await gone(socket);
  await staysAlive(port);
});
