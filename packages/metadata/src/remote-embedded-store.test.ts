// The embedded store across a bad line: lost requests, lost replies, a dead client, a restarted server, bad input.
import { SeededRandom, SystemClock } from '@zhumq/base';
import { EmbeddedStoreServer } from './embedded-store-server.js';
import { EmbeddedStore } from './embedded-store.js';
import type { Session } from './metadata-store.js';
import { RemoteEmbeddedStore } from './remote-embedded-store.js';
import { connected, eventually } from './store-contract.js';

jest.setTimeout(30_000);

const clock = new SystemClock();
const random = new SeededRandom(1);
const SESSION_TIMEOUT_MS = 1_500;

/** A served store and a line to it that can be told to fail. */
class Line {
  embedded = new EmbeddedStore({ clock, tokenPrefix: 'first' });
  server = new EmbeddedStoreServer({ store: this.embedded, clock });
  fault: 'none' | 'lose-request' | 'lose-reply' | 'garbage' = 'none';
  /** Requests held back, to be let through later. */
  held: (() => Promise<string>)[] | undefined;
  private readonly stores: RemoteEmbeddedStore[] = [];

  open(): RemoteEmbeddedStore {
    const call = async (request: string): Promise<string> => {
      if (this.held !== undefined && request.includes('"op":"write"')) {
        this.held.push(() => this.server.handle(request));
        throw new Error('timed out');
      }
      if (this.fault === 'lose-request') throw new Error('connection lost');
      if (this.fault === 'garbage') return '<html>';
      const reply = await this.server.handle(request);
      if (this.fault === 'lose-reply') throw new Error('connection lost');
      return reply;
    };
    const store = new RemoteEmbeddedStore({
      call,
      clock,
      random,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
    });
    this.stores.push(store);
    return store;
  }

  restart(): void {
    this.server.close();
    this.embedded = new EmbeddedStore({ clock, tokenPrefix: 'second' });
    this.server = new EmbeddedStoreServer({ store: this.embedded, clock });
  }

  async close(): Promise<void> {
    this.fault = 'none';
    await Promise.all(this.stores.map((store) => store.close()));
    this.server.close();
    await this.embedded.close();
  }
}

let line: Line;
beforeEach(() => (line = new Line()));
afterEach(() => line.close());

test('a client that falls silent is lost to itself first, then its ephemeral nodes go', async () => {
  const store = line.open();
  await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
  const witness = line.embedded.connect();
  let lostMs = 0;
  store.onSession(({ state }) => void (lostMs ||= state === 'lost' ? clock.monotonicMs() : 0));
  line.fault = 'lose-request';
  const goneMs = await eventually(clock, 'ephemeral gone', async () => {
    return (await witness.exists('/mine')) === undefined && clock.monotonicMs();
  });
  expect(lostMs).toBeGreaterThan(0);
  expect(goneMs - lostMs).toBeGreaterThan(SESSION_TIMEOUT_MS / 6);
  line.fault = 'none';
  await eventually(clock, 'a new session', () => store.session.number === 2);
  expect((await store.create('/mine', Buffer.alloc(0), { ephemeral: true })).ok).toBe(true);
});

test('a short interruption is a suspension of the same session; watches are not lost', async () => {
  const store = line.open();
  const { token } = await connected(clock, store);
  const seen: Session[] = [];
  store.onSession((session) => void seen.push(session));
  let fired = 0;
  await store.get('/watched', { watch: () => void fired++ });
  line.fault = 'lose-reply';
  await line.embedded.connect().create('/watched', Buffer.alloc(0));
  await eventually(clock, 'suspended', () => store.session.state === 'suspended');
  line.fault = 'none';
  await connected(clock, store);
  await eventually(clock, 'watch', () => fired === 1);
  expect(store.session).toEqual({ state: 'connected', number: 1, token });
  expect(seen.map(({ state }) => state)).toEqual(['suspended', 'connected']);
});

test('a write whose reply is lost has an unknown outcome; reads are repeated', async () => {
  const store = line.open();
  await connected(clock, store);
  line.fault = 'lose-reply';
  const writing = store.create('/node', Buffer.alloc(0)).catch((thrown: unknown) => thrown);
  expect(await writing).toMatchObject({ code: 'STORE_UNAVAILABLE', context: { sent: true } });
  const reading = store.exists('/node', { fresh: true });
  line.fault = 'none';
  expect(await reading).toMatchObject({ version: 0 });
});

test('a write that is still under way when a fresh read answers is never done', async () => {
  const store = line.open();
  await connected(clock, store);
  line.held = [];
  await store.create('/late', Buffer.alloc(0)).catch(() => undefined);
  const [late] = line.held;
  line.held = undefined;
  expect(await store.exists('/late', { fresh: true })).toBeUndefined();
  expect(JSON.parse(await late())).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
  expect(await store.exists('/late')).toBeUndefined();
});

test('a restarted server does not know the session: a new one begins', async () => {
  const store = line.open();
  await connected(clock, store);
  line.restart();
  const session = await eventually(
    clock,
    'a new session',
    () => store.session.number === 2 && store.session,
  );
  expect(session.token).toBe('second-1');
});

test('replies that are none are a broken line', async () => {
  const store = line.open();
  await connected(clock, store);
  line.fault = 'garbage';
  await eventually(clock, 'suspended', () => store.session.state !== 'connected');
  line.fault = 'none';
  await connected(clock, store);
  expect(await store.exists('/')).toMatchObject({ version: 0 });
});

test('a session without heartbeats expires, one with them does not', async () => {
  const opened = JSON.parse(await line.server.handle('{"op":"open","timeoutMs":1000}')) as {
    done: { session: string };
  };
  const { session } = opened.done;
  const operations = [{ kind: 'create', path: '/e', data: '', ephemeral: true }];
  await line.server.handle(JSON.stringify({ op: 'write', session, turn: 1, operations }));
  const witness = line.embedded.connect();
  const beatUntilMs = clock.monotonicMs() + 1_500;
  await eventually(clock, 'some timeouts gone by', async () => {
    await line.server.handle(JSON.stringify({ op: 'beat', session }));
    return clock.monotonicMs() > beatUntilMs;
  });
  expect(await witness.exists('/e')).toMatchObject({ owner: session });
  // A poll that waits is no sign of life.
  const poll = line.server.handle(JSON.stringify({ op: 'poll', session, acknowledged: 0 }));
  expect(JSON.parse(await poll)).toEqual({ over: true });
  expect(await witness.exists('/e')).toBeUndefined();
});

test.each([
  ['', 'INVALID_REQUEST'],
  ['null', 'INVALID_REQUEST'],
  ['[]', 'INVALID_REQUEST'],
  ['{"op":7}', 'INVALID_REQUEST'],
  ['{"op":"format"}', 'UNSUPPORTED'],
  ['{"op":"open","timeoutMs":1}', 'INVALID_REQUEST'],
  ['{"op":"open","timeoutMs":"300"}', 'INVALID_REQUEST'],
  ['{"op":"poll","session":"x"}', 'INVALID_REQUEST'],
  ['{"op":"node","session":"x"}', 'INVALID_REQUEST'],
  [
    '{"op":"write","session":"x","turn":0,"operations":[{"kind":"chmod","path":"/"}]}',
    'INVALID_REQUEST',
  ],
  [
    '{"op":"write","session":"x","turn":0,"operations":[{"kind":"set","path":"/","data":1}]}',
    'INVALID_REQUEST',
  ],
  ['{"op":"write","session":"x","turn":-1,"operations":[]}', 'INVALID_REQUEST'],
  [`{"op":"beat","session":"${'x'.repeat(1024 * 1024)}"}`, 'FRAME_TOO_LARGE'],
])('bad input is answered with an error (%#)', async (request, code) => {
  expect(JSON.parse(await line.server.handle(request))).toMatchObject({ error: { code } });
});

test('a session that is not, or not any more, is over', async () => {
  const request = '{"op":"beat","session":"constructor"}';
  expect(JSON.parse(await line.server.handle(request))).toEqual({ over: true });
});

test('bad paths and versions inside a good frame are refused by the server too', async () => {
  const opened = JSON.parse(await line.server.handle('{"op":"open","timeoutMs":300}')) as {
    done: { session: string };
  };
  const { session } = opened.done;
  for (const operation of [
    { kind: 'delete', path: '/', version: 0 },
    { kind: 'check', path: '/../x', version: 0 },
    { kind: 'check', path: '/x', version: 2 ** 40 },
  ]) {
    const request = JSON.stringify({ op: 'write', session, turn: 1, operations: [operation] });
    const reply: unknown = JSON.parse(await line.server.handle(request));
    expect(reply).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  }
});
