// Both ends of one connection serve: who dialled does not decide who may call.
import { zhumqError } from '@zhumq/model';
import type { CallContext } from './contract.js';
import { closeEverything, gate, openChannel, startServer, until } from './rpc.fixture.js';
import { consumerClient, consumerService, storeClient, storeService } from './services.js';
import type { ConsumerHandler } from './services.js';

const MIB = 1024 * 1024;

afterEach(closeEverything);

const consumer = (handler: Partial<ConsumerHandler> = {}) =>
  consumerService({
    deliver: () => undefined,
    ping: () => undefined,
    detach: () => undefined,
    attachmentClosed: () => undefined,
    ...handler,
  });

const delivery = (batches: Buffer, offset = 0) => ({
  ...{ topic: 't', partition: 0, highWatermark: 1, logStart: 0, creditBytes: 0 },
  ...{ attachment: 1, stretch: 1, offset, batches },
});

test('calls with answers cross in both directions over one connection, each matched to its own', async () => {
  const asked: Promise<string>[] = [];
  const call = (text: string, { peer }: CallContext): string => {
    asked.push(storeClient(peer).call(`back ${text}`));
    return `server ${text}`;
  };
  const { server, port } = await startServer({ store: { call } });
  const answering = storeService({ call: async (text) => `client ${text}` });
  const client = storeClient(openChannel(port, { services: [answering] }));
  const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
  // The same sequence numbers are used on both sides at the same time.
  const answers = await Promise.all(texts.map((text) => client.call(text)));
  expect(answers).toEqual(texts.map((text) => `server ${text}`));
  expect(await Promise.all(asked)).toEqual(texts.map((text) => `client back ${text}`));
  expect(server.connectionCount).toBe(1);
});

test('a handler of the client that fails refuses its own call and harms no other', async () => {
  const { opened, open } = gate<unknown>();
  const call = (text: string, { peer }: CallContext): string => {
    void storeClient(peer).call('x').catch(open);
    return text;
  };
  const { port } = await startServer({ store: { call } });
  const refusing = storeService({
    call: () => {
      throw zhumqError('OVERLOADED', 'not now');
    },
  });
  const client = storeClient(openChannel(port, { services: [refusing] }));
  await expect(client.call('first')).resolves.toBe('first');
  expect(await opened).toMatchObject({ code: 'OVERLOADED', message: 'not now' });
  await expect(client.call('second')).resolves.toBe('second');
});

test('what is pushed before an answer arrives before it, and large pieces go by reference, in order', async () => {
  const order: unknown[] = [];
  const pieces = [Buffer.alloc(MIB, 1), Buffer.alloc(MIB, 2)];
  const call = (text: string, { peer }: CallContext): string => {
    for (let offset = 0; offset < 3; offset++) {
      const sent = delivery(pieces as unknown as Buffer, offset);
      consumerClient(peer).deliver(sent);
    }
    return text;
  };
  const { port } = await startServer({ store: { call } });
  const deliver: ConsumerHandler['deliver'] = ({ offset, batches }) => {
    order.push([offset, batches.length, batches[0], batches[2 * MIB - 1]]);
  };
  await storeClient(openChannel(port, { services: [consumer({ deliver })] })).call('go');
  expect(order).toEqual([0, 1, 2].map((offset) => [offset, 2 * MIB, 1, 2]));
});

test('written() waits until a slow peer has taken what was pushed, and rejects when it is gone', async () => {
  const { opened, open } = gate<CallContext>();
  const call = (text: string, context: CallContext): string => {
    open(context);
    return text;
  };
  const { port } = await startServer({ store: { call } });
  let socket: { pause(): void; resume(): void } | undefined;
  const { connect } = await import('node:net');
  const channel = openChannel(port, {
    services: [consumer()],
    socketFactory: (address) => (socket = connect(address)) as ReturnType<typeof connect>,
  });
  await storeClient(channel).call('attach');
  const context = await opened;
  socket?.pause();
  const push = (): void => {
    while (context.bufferedBytes < 4 * MIB) {
      consumerClient(context.peer).deliver(delivery(Buffer.alloc(MIB)));
    }
  };
  push();
  let taken = false;
  const first = context.written().then(() => (taken = true));
  await storeClient(openChannel(port)).call('another is served meanwhile');
  expect([taken, context.bufferedBytes > 0]).toEqual([false, true]);
  socket?.resume();
  await first;
  socket?.pause();
  push();
  const second = context.written();
  context.destroy(zhumqError('TIMEOUT', 'nothing was heard of the consumer'));
  await expect(second).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
});

test('a channel says that its connection was lost, though it waited for nothing; not when it was closed', async () => {
  const contexts: CallContext[] = [];
  const call = (text: string, context: CallContext): string => {
    contexts.push(context);
    return text;
  };
  const { port } = await startServer({ store: { call } });
  let lost = 0;
  const options = { services: [consumer()], onLost: () => lost++ };
  const [kept, closed] = [openChannel(port, options), openChannel(port, options)];
  await storeClient(kept).call('1');
  await storeClient(closed).call('2');
  closed.close();
  await until(() => contexts[1].signal.aborted);
  expect(lost).toBe(0);
  contexts[0].destroy(zhumqError('TIMEOUT', 'nothing was heard of the consumer'));
  await until(() => lost === 1);
  expect(kept.connected).toBe(false);
});
