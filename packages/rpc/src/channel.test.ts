import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ChannelPool } from './channel-pool.js';
import type { RpcChannel } from './channel.js';
import { brokerClient, raftClient, storeClient } from './services.js';
import {
  closeEverything,
  envelopeOf,
  gate,
  gone,
  openChannel,
  startServer,
  until,
} from './rpc.fixture.js';

const MIB = 1024 * 1024;
const bare: { server: Server; sockets: Socket[] }[] = [];

afterEach(async () => {
  await closeEverything();
  for (const { server, sockets } of bare.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

/** A server that accepts and does nothing else. */
async function deafServer(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  bare.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, sockets };
}

const envelope = (bytes: number) => envelopeOf({ batches: [Buffer.alloc(bytes)] });

test('a channel connects at its first call and not before', async () => {
  const { server, port } = await startServer();
  const channel = openChannel(port);
  await storeClient(openChannel(port)).call('from another');
  expect([server.connectionCount, channel.connected]).toEqual([1, false]);
  await expect(storeClient(channel).call('x')).resolves.toBe('echo x');
  expect([server.connectionCount, channel.connected]).toEqual([2, true]);
});

test('thousands of calls are outstanding at the same time', async () => {
  const { opened, open } = gate();
  let running = 0;
  const call = async (text: string): Promise<string> => {
    running++;
    await opened;
    return text;
  };
  const { port } = await startServer(
    { store: { call } },
    { limits: { maxInFlightRequests: 10_000 } },
  );
  const client = storeClient(openChannel(port));
  const calls = Array.from({ length: 5000 }, (_, index) => client.call(`${index}`));
  await until(() => running === 5000);
  open();
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => `${index}`));
});

test('an address where nothing listens refuses calls at once, and again until the backoff is over', async () => {
  const { server, port } = await startServer();
  await server.close();
  const channel = openChannel(port, { backoff: { minMs: 60, maxMs: 60 } });
  const client = storeClient(channel);
  const refused = { code: 'CONNECTION_REFUSED', outcome: 'rejected' };
  await expect(client.call('x')).rejects.toMatchObject(refused);
  const start = performance.now();
  await expect(client.call('x')).rejects.toMatchObject(refused);
  expect(performance.now() - start).toBeLessThan(20);
  expect(raftClient(channel).deliver(envelope(1))).toBe(false);
});

test('after a loss the next call connects again', async () => {
  let calls = 0;
  const { port } = await startServer({
    store: {
      call: (text, { peer }) =>
        ++calls === 2 ? ((peer as unknown as { destroy(): void }).destroy(), '') : text,
    },
  });
  const client = storeClient(openChannel(port));
  await expect(client.call('a')).resolves.toBe('a');
  await expect(client.call('b')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await expect(client.call('c')).resolves.toBe('c');
});

test('an address that swallows everything fails within the connect timeout', async () => {
  const { Socket: PlainSocket } = await import('node:net');
  const never = (): Socket => {
    const socket = new PlainSocket();
    Object.defineProperty(socket, 'connecting', { value: true });
    return socket;
  };
  const channel = openChannel(1, { connectTimeoutMs: 30, socketFactory: never });
  await expect(storeClient(channel).call('x')).rejects.toMatchObject({
    code: 'CONNECTION_REFUSED',
    message: expect.stringContaining('no connection within 30 ms') as string,
  });
});

test('an aborted call settles at once and its late answer is dropped', async () => {
  const { opened, open } = gate<string>();
  const { port } = await startServer({
    store: { call: (text) => (text === 'slow' ? opened : text) },
  });
  const client = storeClient(openChannel(port));
  const controller = new AbortController();
  const slow = client.call('slow', { signal: controller.signal });
  controller.abort();
  await expect(slow).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(client.call('x', { signal: controller.signal })).rejects.toMatchObject({
    code: 'ABORTED',
  });
  open('late');
  await expect(client.call('next')).resolves.toBe('next');
});

test('a channel whose peer does not read refuses calls, and is ready again when it does', async () => {
  const { port, sockets } = await deafServer();
  const channel = openChannel(port, { maxBufferedBytes: 4 * MIB, callTimeoutMs: 60_000 });
  const client = raftClient(channel);
  let accepted = 0;
  while (client.deliver(envelope(MIB))) {
    accepted++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(accepted).toBeLessThan(30);
  expect(channel.bufferedBytes).toBeLessThan(6 * MIB);
  await expect(storeClient(channel).call('x')).rejects.toMatchObject({
    code: 'OVERLOADED',
    outcome: 'rejected',
  });
  let ready = false;
  const waiting = channel.ready().then(() => (ready = true));
  const { port: other } = await startServer();
  await storeClient(openChannel(other)).call('meanwhile');
  expect(ready).toBe(false);
  sockets[0].resume();
  await waiting;
  expect(client.deliver(envelope(MIB))).toBe(true);
});

test('what is buffered before the connection stands is bounded too', async () => {
  const { port } = await deafServer();
  const channel = openChannel(port, { maxBufferedBytes: MIB });
  const client = raftClient(channel);
  let accepted = 0;
  while (client.deliver(envelope(100_000))) accepted++;
  expect(accepted).toBeLessThan(13);
});

test('a closed channel rejects with CLOSED what was not sent and what comes later', async () => {
  const { port } = await startServer({
    store: { call: () => new Promise<string>(() => undefined) },
  });
  const channel = openChannel(port);
  const client = storeClient(channel);
  const sent = client.call('x');
  await until(() => channel.connected);
  const connecting = openChannel(port);
  const notSent = storeClient(connecting).call('y');
  for (const one of [channel, connecting]) one.close();
  await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' });
  await expect(notSent).rejects.toMatchObject({ code: 'CLOSED', outcome: 'rejected' });
  await expect(client.call('z')).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(channel.ready()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a one-way message that was queued before the channel was closed arrives', async () => {
  const seen: number[] = [];
  const { port } = await startServer({
    raft: { deliver: ({ toBroker }) => void seen.push(toBroker) },
  });
  const channel = openChannel(port);
  await storeClient(channel).call('x');
  raftClient(channel).deliver(envelope(10_000));
  channel.close();
  await until(() => seen.length === 1);
});

describe('an orderly end', () => {
  const MESSAGES = 40;

  /** Counts what is delivered; 40 messages of 1 MiB do not fit into the kernel. */
  async function countingServer(): Promise<{ port: number; seen: number[] }> {
    const seen: number[] = [];
    const deliver = ({ toBroker }: { toBroker: number }): void => void seen.push(toBroker);
    const { port } = await startServer({ raft: { deliver } });
    return { port, seen };
  }

  function sendMany(channel: RpcChannel): void {
    const client = raftClient(channel);
    for (let index = 0; index < MESSAGES; index++) {
      expect(client.deliver({ ...envelope(MIB), toBroker: index })).toBe(true);
    }
  }

  const all = Array.from({ length: MESSAGES }, (_, index) => index);
  const room = { maxBufferedBytes: 64 * MIB };

  test('lets a connection be made and brings what was sent before', async () => {
    const { port, seen } = await countingServer();
    const channel = openChannel(port);
    raftClient(channel).deliver(envelope(10));
    expect(channel.connected).toBe(false);
    await channel.end(5000);
    expect(seen).toHaveLength(1);
    expect(raftClient(channel).deliver(envelope(10))).toBe(false);
    await expect(channel.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('brings also what the kernel has no room for, connected or not', async () => {
    const { port, seen } = await countingServer();
    const connected = openChannel(port, room);
    await storeClient(connected).call('x');
    for (const channel of [openChannel(port, room), connected]) {
      sendMany(channel);
      await channel.end(10_000);
      expect(seen.splice(0)).toEqual(all);
    }
  });

  test('gives up at its deadline and says what it dropped', async () => {
    const { port, sockets } = await deafServer();
    const channel = openChannel(port, room);
    sendMany(channel);
    await expect(channel.end(100)).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      message: expect.stringMatching(
        /\d{8} bytes were not sent to .+ \(not within 100 ms\)/,
      ) as string,
    });
    await gone(sockets[0]);
  });

  test('of what the kernel has all of does not reject when the peer is frozen', async () => {
    const { port } = await deafServer();
    const channel = openChannel(port);
    raftClient(channel).deliver(envelope(10));
    await channel.end(100);
    expect(channel.connected).toBe(false);
  });

  test('rejects when nobody listens, and when the connection is lost in the middle', async () => {
    const { server, port } = await startServer();
    await server.close();
    const refused = openChannel(port);
    raftClient(refused).deliver(envelope(10));
    await expect(refused.end(5000)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
    const { port: deaf, sockets } = await deafServer();
    const channel = openChannel(deaf, room);
    sendMany(channel);
    const ending = channel.end(5000);
    await until(() => sockets.length === 1);
    sockets[0].resetAndDestroy();
    await expect(ending).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
  });

  test('waits for no answers, and for nothing where nothing was one-way', async () => {
    const never = new Promise<string>(() => undefined);
    const { server, port } = await startServer({
      store: { call: () => never },
      raft: { deliver: () => undefined },
    });
    const channel = openChannel(port);
    const call = storeClient(channel).call('x');
    raftClient(channel).deliver(envelope(10));
    const quiet = openChannel(port);
    const unsent = storeClient(quiet).call('y');
    const ends = [channel.end(5000), channel.end(1), quiet.end(5000)];
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' });
    await expect(unsent).rejects.toMatchObject({ code: 'CLOSED', outcome: 'rejected' });
    await Promise.all(ends);
    await until(() => server.connectionCount === 0);
  });

  test('of a pool is that of all its channels', async () => {
    const { port, seen } = await countingServer();
    const { server, port: dead } = await startServer();
    await server.close();
    const pool = new ChannelPool();
    for (const one of [dead, port]) {
      raftClient(pool.channel({ host: '127.0.0.1', port: one })).deliver(envelope(10));
    }
    await expect(pool.end(5000)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
    expect(seen).toHaveLength(1);
    expect(() => pool.channel({ host: '127.0.0.1', port })).toThrow('were closed');
  });
});

test('what was written is known to be with the kernel, or not', async () => {
  const { port } = await startServer({ raft: { deliver: () => undefined } });
  const channel = openChannel(port);
  raftClient(channel).deliver(envelope(10));
  await channel.written();
  expect([channel.connected, channel.bufferedBytes]).toEqual([true, 0]);
  await channel.written();
  const { port: deaf } = await deafServer();
  const stuck = openChannel(deaf, { maxBufferedBytes: 64 * MIB });
  for (let index = 0; index < 40; index++) raftClient(stuck).deliver(envelope(MIB));
  const written = stuck.written();
  await until(() => stuck.connected);
  stuck.close();
  await expect(written).rejects.toMatchObject({ code: 'CONNECTION_REFUSED', retriable: true });
  await expect(stuck.written()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

test('several buffers arrive as one value', async () => {
  const { port } = await startServer({
    broker: {
      pull: ({ partitions }) => ({
        partitions: partitions.map(({ topic, partition }) => ({
          topic,
          partition,
          highWatermark: 5,
          logStart: 0,
          batches: [Buffer.from('one '), Buffer.alloc(50_000, '.'), Buffer.from(' end')],
        })),
      }),
    },
  });
  const request = {
    partitions: [{ topic: 't', partition: 0, offset: 0, maxBytes: 1, lastEpoch: -1 }],
  };
  const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 };
  const answer = await brokerClient(openChannel(port)).pull({ ...request, ...limits });
  expect(answer.partitions[0].batches.toString()).toBe(`one ${'.'.repeat(50_000)} end`);
  expect(answer.partitions[0].failure).toBeUndefined();
});

test('a pool has one channel for each address and closes them all', async () => {
  const { port } = await startServer();
  const pool = new ChannelPool({ callTimeoutMs: 1000 });
  const address = { host: '127.0.0.1', port };
  const channel = pool.channel(address);
  expect(pool.channel({ ...address })).toBe(channel);
  await expect(storeClient(channel).call('x')).resolves.toBe('echo x');
  pool.drop(address);
  expect(pool.channel(address)).not.toBe(channel);
  pool.close();
  expect(() => pool.channel(address)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  await expect(storeClient(channel).call('x')).rejects.toMatchObject({ code: 'CLOSED' });
});
