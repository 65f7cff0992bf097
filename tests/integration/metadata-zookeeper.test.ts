// The metadata store on a real ensemble of three servers: the contract, and what happens when servers die, freeze or
// answer by halves.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, systemRandom } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { isError } from '@zhumq/model';
import { ZooKeeperStore } from '@zhumq/metadata';
import type { Session } from '@zhumq/metadata';
import {
  connected,
  eventually,
  storeContract,
} from '../../packages/metadata/src/store-contract.js';
import { createClient, managerOf } from '../../packages/metadata/src/zookeeper-library.js';
import type { LibraryClient } from '../../packages/metadata/src/zookeeper-library.js';

const clock = new SystemClock();
const directory = mkdtempSync(join(tmpdir(), 'zhumq-zookeeper-'));
const script = join(__dirname, '../../scripts/zookeeper.sh');
const SESSION_TIMEOUT_MS = 6_000;
/** Begins with the first server of the list. */
const firstOfList: Random = { below: () => 0, fraction: () => 0.5 };

function ensemble(...command: string[]): string {
  const env = { ...process.env, ZHUMQ_ZOOKEEPER_DIR: directory, ZHUMQ_ZOOKEEPER_FSYNC: 'no' };
  return execFileSync(script, command, { env, encoding: 'utf8' }).trim();
}

jest.setTimeout(60_000);

let servers = '';
let stores: ZooKeeperStore[] = [];
let proxies: Proxy[] = [];
let folders = 0;

beforeAll(() => {
  servers = ensemble('start', '3').split('\n').slice(-1)[0];
});

afterEach(async () => {
  const closing = stores.map((store) => store.close());
  for (const proxy of proxies) proxy.close();
  [stores, proxies] = [[], []];
  // A test that failed half-way may have left a server down: the next one starts with all.
  ensemble('start');
  await Promise.all(closing);
});

afterAll(() => {
  ensemble('stop');
  rmSync(directory, { recursive: true });
});

/** A store under a chroot that does not exist yet. */
function open(list = servers, chroot = newChroot(), random = systemRandom()): ZooKeeperStore {
  const store = new ZooKeeperStore({
    connectionString: list + chroot,
    clock,
    random,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  });
  stores.push(store);
  return store;
}

function newChroot(): string {
  return `/tests/deep/${++folders}`;
}

const states = (store: ZooKeeperStore): Session[] => {
  const seen: Session[] = [];
  store.onSession((session) => void seen.push(session));
  return seen;
};

/** Number of the server that a session is connected to, as the servers tell. */
async function serverOf(store: ZooKeeperStore): Promise<number> {
  const { token } = await connected(clock, store);
  const sid = `sid=0x${BigInt(`0x${token}`).toString(16)}`;
  return eventually(clock, `the server of ${sid}`, async () => {
    for (const [index, address] of servers.split(',').entries()) {
      if ((await fourLetters(address, 'cons')).includes(sid)) return index + 1;
    }
    return false;
  });
}

function fourLetters(address: string, command: string): Promise<string> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => socket.write(command));
    let answer = '';
    socket.on('data', (bytes) => (answer += bytes.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

function signal(server: number, name: NodeJS.Signals): void {
  process.kill(Number(readFileSync(join(directory, String(server), 'pid'), 'utf8')), name);
}

async function modeOf(server: number): Promise<string> {
  const answer = await fourLetters(servers.split(',')[server - 1], 'srvr');
  return /^Mode: (.*)$/m.exec(answer)?.[1] ?? '';
}

async function followerNumber(): Promise<number> {
  const modes = await Promise.all([1, 2, 3].map(modeOf));
  return modes.indexOf('follower') + 1;
}

async function allServe(): Promise<void> {
  await eventually(clock, 'all servers serve', async () => {
    const modes = await Promise.all([1, 2, 3].map(modeOf));
    return modes.every((mode) => mode !== '');
  });
}

/** Between a store and one server: passes everything on until told otherwise. */
class Proxy {
  /** What becomes of bytes from the server. */
  answers: 'pass' | 'swallow' | 'cut' | 'garble' = 'pass';
  /** What becomes of bytes to the server. */
  requests: 'pass' | 'swallow' = 'pass';
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly target: string) {
    this.server = createServer((socket) => this.accept(socket));
  }

  static async open(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxies.push(proxy);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(near: Socket): void {
    this.connections++;
    const [host, port] = this.target.split(':');
    const far = connect({ host, port: Number(port) });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      this.sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
    }
    near.on('data', (bytes) => {
      if (this.requests === 'pass') far.write(bytes);
    });
    far.on('data', (bytes) => this.answer(near, bytes));
  }

  private answer(near: Socket, bytes: Buffer): void {
    if (this.answers === 'swallow') return;
    if (this.answers === 'pass') {
      near.write(bytes);
      return;
    }
    // Once: the next connection is a good one.
    const wrong = this.answers === 'cut' ? bytes.subarray(0, 7) : Buffer.alloc(64, 0x5a);
    this.answers = 'pass';
    near.write(wrong, () => near.end());
  }
}

async function gone(witness: ZooKeeperStore, path: string): Promise<void> {
  await eventually(clock, `${path} gone`, async () => {
    return (await witness.exists(path, { fresh: true })) === undefined;
  });
}

/** The library's client inside a store. */
function libraryClientOf(store: ZooKeeperStore): LibraryClient {
  type Inside = { link: { client: { client: LibraryClient } } };
  return (store as unknown as Inside).link.client.client;
}

/** Ends the session from the servers' side: a second client with the same session closes it. */
async function expire(store: ZooKeeperStore): Promise<void> {
  await connected(clock, store);
  const client = libraryClientOf(store);
  const options = {
    sessionTimeout: SESSION_TIMEOUT_MS,
    sessionId: client.getSessionId(),
    sessionPassword: client.getSessionPassword(),
  };
  const second = createClient(servers, options as never);
  await new Promise<void>((resolve) => {
    second.once('connected', resolve);
    second.connect();
  });
  const closed = new Promise<void>((resolve) =>
    managerOf(second).on('state', (state) => {
      if (state === -2) resolve();
    }),
  );
  second.close();
  await closed;
}

describe('the store on ZooKeeper', () => {
  it.each(storeContract)('$name', async ({ run }) => {
    const chroot = newChroot();
    await run({
      clock,
      open: () => open(servers, chroot),
      expire: (store) => expire(store as ZooKeeperStore),
    });
  });

  it('fails over when its server is killed: same session, watches and ephemeral nodes live on', async () => {
    const store = open();
    const other = open(servers);
    const server = await serverOf(store);
    const seen = states(store);
    await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    const reader = open(servers, `/tests/deep/${folders - 1}`);
    let fired = 0;
    await store.get('/watched', { watch: () => void fired++ });
    ensemble('kill', String(server));
    await eventually(clock, 'suspended', () => seen.some(({ state }) => state === 'suspended'));
    // Until somebody leads again and the reader has found a server, its attempts fail.
    await eventually(clock, 'watched exists', async () => {
      await reader.create('/watched', Buffer.alloc(0)).catch(() => undefined);
      return (await reader.exists('/watched').catch(() => undefined)) !== undefined;
    });
    await eventually(clock, 'watch of the change made meanwhile', () => fired === 1);
    expect(store.session).toMatchObject({ state: 'connected', number: 1 });
    expect(await store.get('/mine')).toMatchObject({ owner: store.session.token });
    expect(await other.exists('/', { fresh: true })).toBeDefined();
    ensemble('startone', String(server));
    await allServe();
  });

  it('says STORE_UNAVAILABLE without a quorum, and goes on when it is back', async () => {
    const store = open();
    await store.create('/before', Buffer.alloc(0));
    ensemble('kill', '1');
    ensemble('kill', '2');
    await eventually(clock, 'disconnected', () => store.session.state !== 'connected');
    await eventually(clock, 'lost', () => store.session.state === 'lost');
    const error = await store.create('/during', Buffer.alloc(0)).catch((thrown: unknown) => thrown);
    expect(isError(error, 'STORE_UNAVAILABLE')).toBe(true);
    ensemble('startone', '1');
    ensemble('startone', '2');
    await eventually(clock, 'a new session', () => store.session.number === 2);
    expect(await store.exists('/during', { fresh: true })).toBeUndefined();
    expect(await store.create('/after', Buffer.alloc(0))).toMatchObject({ ok: true });
    expect(await store.children('/')).toEqual(['after', 'before']);
    await allServe();
  });

  it('leaves a server that freezes for another one', async () => {
    // A frozen leader is another thing: it takes the others 5 s (syncLimit) to elect a new one, and the session with it.
    const server = await followerNumber();
    const addresses = servers.split(',');
    const store = open([addresses[server - 1], ...addresses].join(','), newChroot(), firstOfList);
    expect(await serverOf(store)).toBe(server);
    signal(server, 'SIGSTOP');
    try {
      await eventually(clock, 'suspended', () => store.session.state !== 'connected');
      await connected(clock, store);
      // The same session where the machine is fast enough to reach the other server in the last third of it.
      expect(store.session.number).toBeLessThanOrEqual(2);
      expect(await store.create('/', Buffer.alloc(0))).toMatchObject({ reason: 'node-exists' });
    } finally {
      signal(server, 'SIGCONT');
    }
    await allServe();
  });

  it('reads fresh from a server that has fallen behind', async () => {
    const follower = await followerNumber();
    const others = servers.split(',').filter((_, index) => index !== follower - 1);
    const chroot = newChroot();
    const behind = open(servers.split(',')[follower - 1], chroot);
    const writer = open(others.join(','), chroot);
    await Promise.all([connected(clock, behind), connected(clock, writer)]);
    for (let round = 0; round < 10; round++) {
      signal(follower, 'SIGSTOP');
      const names = Array.from({ length: 50 }, (_, index) => `/${round}-${index}`);
      try {
        await Promise.all(names.map((name) => writer.create(name, Buffer.alloc(0))));
      } finally {
        signal(follower, 'SIGCONT');
      }
      expect(await behind.exists(names[49], { fresh: true })).toMatchObject({ version: 0 });
    }
    expect(behind.session.number).toBe(1);
  });

  it('goes on when its requests have been numbered through', async () => {
    const store = open();
    await connected(clock, store);
    managerOf(libraryClientOf(store)).xid = 2 ** 31 - 2;
    for (let count = 0; count < 4; count++) {
      expect(await store.exists('/')).toMatchObject({ version: 0 });
    }
    expect(managerOf(libraryClientOf(store)).xid).toBeLessThan(100);
    expect(store.session.number).toBe(1);
  });

  it('is lost before the ensemble expires it, when its only server freezes', async () => {
    const follower = await followerNumber();
    const chroot = newChroot();
    const store = open(servers.split(',')[follower - 1], chroot);
    await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    const others = servers.split(',').filter((_, index) => index !== follower - 1);
    const witness = open(others.join(','), chroot);
    await witness.exists('/mine', { fresh: true });
    let lostMs = 0;
    store.onSession(({ state }) => {
      if (state === 'lost' && lostMs === 0) lostMs = clock.monotonicMs();
    });
    const frozenMs = clock.monotonicMs();
    signal(follower, 'SIGSTOP');
    try {
      const goneMs = await eventually(clock, 'ephemeral gone', async () => {
        const gone = (await witness.exists('/mine')) === undefined;
        return gone && clock.monotonicMs();
      });
      expect(lostMs).toBeGreaterThan(0);
      expect(lostMs - frozenMs).toBeLessThan(SESSION_TIMEOUT_MS * 0.75);
      expect(goneMs - lostMs).toBeGreaterThan(SESSION_TIMEOUT_MS / 6);
    } finally {
      signal(follower, 'SIGCONT');
    }
    await eventually(clock, 'a new session', () => store.session.number === 2);
    const again = await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    expect(again.ok).toBe(true);
    await allServe();
  });
});

describe('the store on ZooKeeper, through a bad network', () => {
  const serverOne = (): string => servers.split(',')[0];

  it.each(['cut', 'garble'] as const)('survives answers that are %s half-way', async (fault) => {
    const proxy = await Proxy.open(serverOne());
    const store = open(proxy.address);
    await store.create('/node', Buffer.from('x'));
    for (let round = 0; round < 5; round++) {
      proxy.answers = fault;
      expect((await store.get('/node'))?.data.toString()).toBe('x');
    }
    expect(store.session.number).toBe(1);
    expect(proxy.connections).toBeLessThan(20);
  });

  it('does not know what became of a write whose answer was cut off, and a fresh read tells', async () => {
    const proxy = await Proxy.open(serverOne());
    const store = open(proxy.address);
    await store.exists('/');
    proxy.answers = 'cut';
    const error = await store.create('/node', Buffer.alloc(0)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      outcome: 'unknown',
      context: { sent: true },
    });
    expect(await store.exists('/node', { fresh: true })).toMatchObject({ version: 0 });
    expect(store.session.number).toBe(1);
  });

  it('gives up a server that takes the connection and never answers the handshake', async () => {
    const mute = await Proxy.open(serverOne());
    mute.answers = 'swallow';
    const startMs = clock.monotonicMs();
    await connected(clock, open(`${mute.address},${serverOne()}`, newChroot(), firstOfList));
    expect(mute.connections).toBe(1);
    expect(clock.monotonicMs() - startMs).toBeLessThan(SESSION_TIMEOUT_MS);
  });

  it('is told of an expiry while it was away, and begins a new session', async () => {
    const proxy = await Proxy.open(serverOne());
    const chroot = newChroot();
    const store = open(proxy.address, chroot);
    const witness = open(servers, chroot);
    await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    const seen = states(store);
    [proxy.answers, proxy.requests] = ['swallow', 'swallow'];
    await eventually(clock, 'lost', () => store.session.state === 'lost');
    await gone(witness, '/mine');
    [proxy.answers, proxy.requests] = ['pass', 'pass'];
    await eventually(clock, 'a new session', () => store.session.number === 2);
    expect(seen.map(({ state }) => state)).toEqual(['suspended', 'lost', 'connected']);
  });

  it('does not keep a lost session alive by its attempts to end it', async () => {
    const proxy = await Proxy.open(serverOne());
    const chroot = newChroot();
    const store = open(proxy.address, chroot);
    const witness = open(servers, chroot);
    await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    proxy.answers = 'swallow'; // while what it sends arrives
    await eventually(clock, 'lost', () => store.session.state === 'lost');
    await gone(witness, '/mine');
  });

  it('ends the old session itself when it returns after its own deadline, before the expiry', async () => {
    const proxy = await Proxy.open(serverOne());
    const chroot = newChroot();
    const store = open(proxy.address, chroot);
    await store.create('/mine', Buffer.alloc(0), { ephemeral: true });
    proxy.answers = 'swallow';
    await eventually(clock, 'lost', () => store.session.state === 'lost');
    proxy.answers = 'pass';
    await eventually(clock, 'a new session', () => store.session.number === 2);
    // Without waiting for the ensemble: the old node is gone as soon as there is a new session.
    expect(await store.exists('/mine', { fresh: true })).toBeUndefined();
  });

  it('closes at once while no server can be reached', async () => {
    const proxy = await Proxy.open(serverOne());
    const store = open(proxy.address);
    await connected(clock, store);
    proxy.close();
    const pending = store.get('/x').catch((thrown: unknown) => thrown);
    const startMs = clock.monotonicMs();
    await store.close();
    expect(clock.monotonicMs() - startMs).toBeLessThan(5_000);
    expect(await pending).toMatchObject({ code: 'CLOSED' });
  });
});
