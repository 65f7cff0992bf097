import { ManualClock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { createRpcServer } from './server.js';
import { brokerClient, raftClient, storeClient } from './services.js';
import {
  callFrame,
  closeEverything,
  gate,
  openChannel,
  servicesOf,
  openSocket,
  startServer,
  until,
} from './rpc.fixture.js';

afterEach(closeEverything);

test('a server answers out of order when its handlers do', async () => {
  const slow = gate<string>();
  const order: string[] = [];
  const { port } = await startServer({
    store: { call: (text) => (text === 'slow' ? slow.opened : text) },
  });
  const client = storeClient(openChannel(port));
  const note = (text: string): Promise<unknown> =>
    client.call(text).then((answer) => order.push(answer));
  const calls = [note('slow'), note('a'), note('b')];
  await Promise.all(calls.slice(1));
  slow.open('slow');
  await Promise.all(calls);
  expect(order).toEqual(['a', 'b', 'slow']);
});

test('an error of the table crosses with code, message and context', async () => {
  const context = { topic: 'orders', partition: 3, leader: 2, known: true };
  const { port } = await startServer({
    broker: {
      initProducer: () => Promise.reject(zhumqError('NOT_LEADER', 'ask broker 2', context)),
    },
  });
  await expect(brokerClient(openChannel(port)).initProducer()).rejects.toMatchObject({
    name: 'ZhumqError',
    code: 'NOT_LEADER',
    message: 'ask broker 2',
    retriable: true,
    outcome: 'rejected',
    context: { topic: 'orders', partition: '3', leader: '2', known: 'true' },
  });
});

test('the handler learns who calls, and when nobody waits any more', async () => {
  const { opened, open } = gate<AbortSignal>();
  const { port } = await startServer({
    store: {
      call: (text, context) => {
        expect(context.remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
        if (text === 'who') return `${context.connectionId}`;
        open(context.signal);
        return new Promise(() => undefined);
      },
    },
  });
  const channel = openChannel(port);
  const [first, second] = [storeClient(channel), storeClient(openChannel(port))];
  expect(await first.call('who')).not.toBe(await second.call('who'));
  const pending = first.call('wait');
  const signal = await opened;
  expect(signal.aborted).toBe(false);
  channel.close();
  await expect(pending).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await until(() => signal.aborted);
});

test('a server calls back over the connection that its client opened', async () => {
  const { consumerClient, consumerService } = await import('./services.js');
  const delivered: unknown[] = [];
  const { port } = await startServer({
    store: {
      call: (text, { peer }) => {
        consumerClient(peer).ping(41);
        return text;
      },
    },
  });
  const consumer = consumerService({
    ping: (timestamp) => void delivered.push(timestamp),
    deliver: () => undefined,
    detach: () => undefined,
    attachmentClosed: () => undefined,
  });
  await storeClient(openChannel(port, { services: [consumer] })).call('attach');
  await until(() => delivered.length === 1);
  expect(delivered).toEqual([41]);
  // A client that serves nothing ends a connection by which it is called.
  await expect(storeClient(openChannel(port)).call('attach')).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
  });
});

test('no more requests are read than may be in flight', async () => {
  const { opened, open } = gate();
  let running = 0;
  let most = 0;
  const call = async (text: string): Promise<string> => {
    most = Math.max(most, ++running);
    await opened;
    running--;
    return text;
  };
  const { port } = await startServer({ store: { call } }, { limits: { maxInFlightRequests: 4 } });
  const client = storeClient(openChannel(port));
  const calls = Array.from({ length: 50 }, (_, index) => client.call(`${index}`));
  await until(() => running === 4);
  open();
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => `${index}`));
  expect(most).toBe(4);
});

test('nor more bytes of requests', async () => {
  const { opened, open } = gate();
  let running = 0;
  const call = async (): Promise<string> => {
    running++;
    await opened;
    return 'done';
  };
  const { port } = await startServer(
    { store: { call } },
    { limits: { maxInFlightBytes: 100_000 } },
  );
  const client = storeClient(openChannel(port));
  const calls = Array.from({ length: 20 }, () => client.call('x'.repeat(30_000)));
  await until(() => running >= 4);
  const other = brokerClient(openChannel(port));
  for (let n = 0; n < 5; n++) await other.initProducer();
  expect(running).toBe(4);
  open();
  await Promise.all(calls);
  expect(running).toBe(20);
});

test('many small requests in one piece are served in several turns of the event loop', async () => {
  const clock = new ManualClock();
  const calls = 200;
  let served = 0;
  let inFirstTurn = 0;
  const { port } = await startServer(
    {
      store: {
        call: () => {
          if (served++ === 0) setImmediate(() => (inFirstTurn = served));
          clock.advance(1);
          return Promise.resolve('done');
        },
      },
    },
    { clock },
  );
  const socket = await openSocket(port);
  const frames = Array.from({ length: calls }, () => callFrame('call', { request: 'x' }));
  socket.write(Buffer.concat(frames));
  let answers = 0;
  await new Promise<void>((resolve) =>
    socket.on('data', (bytes) => {
      answers += bytes.toString('latin1').split('done').length - 1;
      if (answers === calls) resolve();
    }),
  );
  expect(served).toBe(calls);
  expect(inFirstTurn).toBeLessThan(calls / 4);
});

test('what a client sent before it ended its side is served, however many turns that takes', async () => {
  const clock = new ManualClock();
  const sent = 300;
  let served = 0;
  const produceOneway = (): void => {
    served++;
    clock.advance(1);
  };
  const { port } = await startServer({ broker: { produceOneway } }, { clock });
  const channel = openChannel(port);
  const client = brokerClient(channel);
  await client.initProducer().catch(() => undefined);
  for (let n = 0; n < sent; n++) {
    client.produceOneway({ acks: 0, timeoutMs: 1, partitions: [] });
  }
  await channel.end(5_000);
  await until(() => served === sent);
});

test('one connection that is held does not hold another', async () => {
  const { port } = await startServer(
    { store: { call: (text) => (text === 'hang' ? new Promise<string>(() => undefined) : text) } },
    { limits: { maxInFlightRequests: 1 } },
  );
  storeClient(openChannel(port))
    .call('hang')
    .catch(() => undefined);
  await expect(storeClient(openChannel(port)).call('x')).resolves.toBe('x');
});

test('a server that closes lets running requests finish and refuses new ones', async () => {
  const { opened, open } = gate<string>();
  const call = jest.fn(() => opened);
  const { server, port } = await startServer({ store: { call } });
  const client = storeClient(openChannel(port));
  const running = client.call('x');
  await until(() => call.mock.calls.length === 1);
  const closing = server.close(5000);
  await expect(client.call('late')).rejects.toMatchObject({
    code: 'STOPPING',
    outcome: 'rejected',
  });
  open('finished');
  await expect(running).resolves.toBe('finished');
  await closing;
  expect(server.connectionCount).toBe(0);
});

test('a request that does not finish is given up when the grace is over', async () => {
  const call = jest.fn(() => new Promise<string>(() => undefined));
  const { server, port } = await startServer({ store: { call } });
  const running = storeClient(openChannel(port)).call('x');
  await until(() => call.mock.calls.length === 1);
  await Promise.all([
    server.close(30),
    expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST' }),
  ]);
});

test('an address that can not be had is an error of listen', async () => {
  const { port } = await startServer();
  const second = createRpcServer({ services: servicesOf({}) });
  await expect(second.listen(port, '127.0.0.1')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  await second.close();
});

test('two services with a method of the same name can not be served together', () => {
  const services = servicesOf({});
  expect(() => createRpcServer({ services: [...services, ...services] })).toThrow(
    'two services have a method produce',
  );
});

test('requests are counted by method, with duration and error', async () => {
  const served: [string, string | undefined][] = [];
  const called: [string, string | undefined][] = [];
  const { port } = await startServer(
    { raft: { deliver: () => undefined } },
    {
      metrics: {
        served: (method, durationMs, errorCode) => {
          expect(durationMs).toBeGreaterThanOrEqual(0);
          served.push([method, errorCode]);
        },
      },
    },
  );
  const channel = openChannel(port, {
    metrics: { called: (method, _ms, errorCode) => called.push([method, errorCode]) },
  });
  await storeClient(channel).call('x');
  await brokerClient(channel)
    .describeReplicas('', 0)
    .catch(() => undefined);
  raftClient(channel).deliver({
    clusterId: '',
    fromBroker: 1,
    incarnation: 1,
    toBroker: 2,
    messages: [],
  });
  await until(() => served.length === 3);
  expect(served).toEqual([
    ['call', undefined],
    ['describeReplicas', 'INTERNAL'],
    ['deliver', undefined],
  ]);
  expect(called).toEqual(served.slice(0, 2));
});
