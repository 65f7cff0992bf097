// Whatever bytes one connection brings, the server lives on and other connections do not notice.
import fc from 'fast-check';
import { ONEWAY } from './wire/message-reader.js';
import { storeClient } from './services.js';
import {
  callFrame,
  closeEverything,
  envelopeOf,
  frameOf,
  gone,
  openChannel,
  openSocket,
  startServer,
  until,
} from './rpc.fixture.js';

afterEach(closeEverything);

const PRODUCE = {
  request: {
    acks: -1,
    timeoutMs: 1000,
    partitions: [{ topic: 'orders', partition: 1, batch: Buffer.from('batch') }],
  },
};
const FRAMES = [
  callFrame('call', { request: 'some text' }),
  callFrame('produce', PRODUCE),
  callFrame('deliver', { envelope: envelopeOf({ commit: 3 }) }, 0, ONEWAY),
  callFrame('nonsense', {}),
];

/** One change to a valid frame, or bytes of no meaning at all. */
const mutation = fc.oneof(
  fc
    .record({ frame: fc.constantFrom(...FRAMES), at: fc.nat(), byte: fc.nat(255) })
    .map(({ frame, at, byte }) => {
      const changed = Buffer.from(frame);
      changed[at % changed.length] = byte;
      return changed;
    }),
  fc
    .record({
      frame: fc.constantFrom(...FRAMES),
      from: fc.nat(),
      bytes: fc.uint8Array({ maxLength: 20 }),
    })
    .map(({ frame, from, bytes }) => {
      const message = frame.subarray(4);
      const at = from % message.length;
      return frameOf(Buffer.concat([message.subarray(0, at), bytes, message.subarray(at)]));
    }),
  fc
    .record({ frame: fc.constantFrom(...FRAMES), length: fc.nat() })
    .map(({ frame, length }) => frameOf(frame.subarray(4, 4 + (length % (frame.length - 4))))),
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => frameOf(Buffer.from(bytes))),
);

test('mutated frames end at most their own connection', async () => {
  const crashes: unknown[] = [];
  const { server, port } = await startServer({
    broker: {
      produce: ({ partitions }) => ({
        partitions: partitions.map(({ topic, partition, batch }) => {
          if (!Buffer.isBuffer(batch)) crashes.push(batch);
          return { topic, partition, baseOffset: 0, duplicate: false, logStart: 0, mode: 1 };
        }),
      }),
    },
    raft: {
      deliver: ({ messages }) => {
        for (const { topicId, term } of messages) {
          if (typeof topicId !== 'string' || !Number.isSafeInteger(term))
            crashes.push({ topicId, term });
        }
      },
    },
  });
  const steady = storeClient(openChannel(port));
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 5 }), async (frames) => {
      const socket = await openSocket(port);
      socket.resume();
      for (const frame of frames) socket.write(frame);
      socket.end();
      await expect(steady.call('still')).resolves.toBe('echo still');
      await gone(socket);
    }),
    { numRuns: 300 },
  );
  expect(crashes).toEqual([]);
  await until(() => server.connectionCount === 1);
});

test('mutated answers end at most the connection that they came by', async () => {
  const { port } = await startServer();
  const channel = openChannel(port, { backoff: { minMs: 1, maxMs: 1 }, callTimeoutMs: 5000 });
  const { createServer } = await import('node:net');
  let answer = Buffer.alloc(0);
  const evil = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  const evilPort = (evil.address() as { port: number }).port;
  await fc.assert(
    fc.asyncProperty(mutation, async (frame) => {
      answer = Buffer.from(frame);
      // A kind of message that answers: 2 or 3.
      if (answer.length > 7) answer[7] = 2 + (answer[7] & 1);
      const victim = openChannel(evilPort);
      const outcome = await storeClient(victim)
        .call('x')
        .catch((error: unknown) => error);
      if (typeof outcome !== 'string') expect(outcome).toMatchObject({ name: 'ZhumqError' });
      victim.close();
    }),
    { numRuns: 200 },
  );
  evil.close();
  await expect(storeClient(channel).call('x')).resolves.toBe('echo x');
});

test('a field that is missing or of the wrong type refuses the request and is named', async () => {
  const { port } = await startServer();
  const socket = await openSocket(port);
  socket.write(callFrame('produce', { request: { ...PRODUCE.request, timeoutMs: undefined } }));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(answer.toString('latin1')).toContain('produce: ProduceRequest.timeoutMs is missing');
  socket.write(callFrame('produce', {}));
  const next = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(next.toString('latin1')).toContain('produce: produce.request is missing');
});

test('a million small structs in one frame are refused unread, and the connection goes on', async () => {
  const { port } = await startServer();
  const frame = callFrame('produce', { request: { ...PRODUCE.request, partitions: [] } });
  const list = frame.lastIndexOf(Buffer.from([12, 0, 0, 0, 0]));
  const count = 1_000_000;
  const items = Buffer.alloc(5 + count + 2);
  items[0] = 12;
  items.writeInt32BE(count, 1);
  const socket = await openSocket(port);
  const before = process.memoryUsage().heapUsed;
  socket.write(frameOf(Buffer.concat([frame.subarray(4, list), items])));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(answer.toString('latin1')).toContain('more than 150000 fields and items');
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30_000_000);
  socket.write(callFrame('initProducer', {}));
  const next = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(next.toString('latin1')).toContain('initProducer');
});

test('a list that is no longer than that is read, up to the field that is missing', async () => {
  const { port } = await startServer();
  const socket = await openSocket(port);
  const partitions = [{ topic: 'a', partition: 0, batch: undefined }];
  socket.write(callFrame('produce', { request: { ...PRODUCE.request, partitions } }));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect(answer.toString('latin1')).toContain('PartitionProduce.batch is missing');
});

test('a connection that never sends is ended, and one that never ends a frame', async () => {
  const refused: string[] = [];
  const { port } = await startServer(
    {},
    {
      limits: { handshakeTimeoutMs: 60, frameTimeoutMs: 40 },
      metrics: { refused: (reason) => refused.push(reason) },
    },
  );
  const channel = openChannel(port);
  await storeClient(channel).call('first frame');
  const silent = await openSocket(port);
  const slow = await openSocket(port);
  slow.write(callFrame('call', { request: 'x' }));
  const bytes = callFrame('call', { request: 'y'.repeat(1000) });
  let sent = 0;
  const dripping = setInterval(() => slow.write(bytes.subarray(sent, ++sent)), 3);
  await Promise.all([gone(silent), gone(slow)]);
  clearInterval(dripping);
  expect(refused.sort()).toEqual(['no-handshake', 'slow-frame']);
  // A connection between two frames may rest as long as it likes.
  expect(channel.connected).toBe(true);
  await expect(storeClient(channel).call('x')).resolves.toBe('echo x');
});

test('lines about bad input are limited, their count is not', async () => {
  const refused: string[] = [];
  const lines: string[] = [];
  const { silentLogger } = await import('@zhumq/base');
  const { port } = await startServer(
    {},
    {
      logger: { ...silentLogger, warn: (_context, message) => lines.push(message) },
      metrics: { refused: (reason) => refused.push(reason) },
    },
  );
  for (let count = 0; count < 20; count++) {
    const socket = await openSocket(port);
    socket.write('HELO example.org\r\n');
    await gone(socket);
  }
  expect(refused).toHaveLength(20);
  expect(lines.length).toBeLessThan(15);
});

test('more connections than the limit are not accepted', async () => {
  const refused: string[] = [];
  const { server, port } = await startServer(
    {},
    { limits: { maxConnections: 2 }, metrics: { refused: (reason) => refused.push(reason) } },
  );
  const first = openChannel(port);
  await storeClient(first).call('x');
  await openSocket(port);
  const third = await openSocket(port);
  await gone(third);
  expect([server.connectionCount, refused]).toEqual([2, ['too-many-connections']]);
  await expect(storeClient(first).call('x')).resolves.toBe('echo x');
});
