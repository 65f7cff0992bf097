import { ManualClock, SeededRandom } from '@zhumq/base';
import type { Logger } from '@zhumq/base';
import { EmbeddedStore, createPersistentParents, paths } from '@zhumq/metadata';
import type { MetadataStore } from '@zhumq/metadata';
import { brokerRegistrationCodec } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';
import { Registration } from './registration.js';

const SESSION_MS = 6_000;
const NODE = paths.liveBroker(1);

const OWN: BrokerRegistration = {
  id: 1,
  host: 'here',
  port: 9000,
  rack: '',
  weight: 1,
  incarnation: 5,
  directoryId: 'd'.repeat(32),
  clean: true,
};

class World {
  readonly clock = new ManualClock();
  readonly servers = new EmbeddedStore({ clock: this.clock });
  readonly store = this.servers.connect();
  readonly lines: string[] = [];
  readonly conflicts: Error[] = [];
  registrations = 0;
  private registration: Registration | undefined;

  static async make(): Promise<World> {
    const world = new World();
    await createPersistentParents(world.store);
    return world;
  }

  /** Registers a broker in a session of its own. */
  async occupy(change: Partial<BrokerRegistration>): Promise<MetadataStore> {
    const other = this.servers.connect();
    const data = brokerRegistrationCodec.encode({ ...OWN, ...change });
    expect(await other.create(NODE, data, { ephemeral: true })).toMatchObject({ ok: true });
    return other;
  }

  begin(): Registration {
    const say = (_fields: unknown, line: string): void => void this.lines.push(line);
    this.registration = new Registration({
      store: this.store,
      registration: OWN,
      sessionTimeoutMs: SESSION_MS,
      clock: this.clock,
      random: new SeededRandom(1),
      logger: { info: say, warn: say } as unknown as Logger,
      onRegistered: () => this.registrations++,
      onConflict: (error) => this.conflicts.push(error),
    });
    return this.registration;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(100);
    }
  }

  async registered(): Promise<BrokerRegistration | undefined> {
    const node = await this.store.get(NODE);
    return node && brokerRegistrationCodec.decode(node.data);
  }

  async end(): Promise<void> {
    await this.registration?.close();
    await this.servers.close();
  }
}

let world: World;
beforeEach(async () => (world = await World.make()));
afterEach(() => world.end());

const WAITS =
  'this broker id is registered for another data directory; waiting for that session to end';

test('a node that someone deletes within the session is made again', async () => {
  const registration = world.begin();
  await world.pass(200);
  expect([registration.registered, world.registrations]).toEqual([true, 1]);
  const node = await world.store.exists(NODE);
  await world.store.delete(NODE, node?.version ?? -1);
  await world.pass(500);
  expect([registration.registered, world.registrations]).toEqual([true, 2]);
  expect(await world.registered()).toEqual(OWN);
});

test('a node is made again in each session', async () => {
  const registration = world.begin();
  await world.pass(200);
  world.servers.expireSession(world.store.session.token);
  await world.pass(500);
  expect([registration.registered, world.registrations]).toEqual([true, 2]);
});

test('the node of an earlier life on the same directory is taken away at once', async () => {
  await world.occupy({ incarnation: 4 });
  world.begin();
  await world.pass(500);
  expect(world.registrations).toBe(1);
  expect(world.lines).toEqual(['taking away the registration of an earlier life']);
});

test.each([{ host: 'here' }, { host: 'elsewhere' }])(
  'the node of an earlier life on a wiped directory, $host, is waited for',
  async ({ host }) => {
    const other = await world.occupy({ host, directoryId: 'e'.repeat(32) });
    world.begin();
    await world.pass(SESSION_MS);
    expect([world.registrations, world.conflicts, world.lines]).toEqual([0, [], [WAITS]]);
    world.servers.expireSession(other.session.token);
    await world.pass(1500);
    expect([world.registrations, world.conflicts, world.lines]).toEqual([1, [], [WAITS]]);
  },
);

test('another broker that outlives the wait is an error', async () => {
  await world.occupy({ host: 'elsewhere', directoryId: 'e'.repeat(32) });
  world.begin();
  await world.pass(SESSION_MS + 6000);
  expect(world.registrations).toBe(0);
  expect(world.conflicts).toMatchObject([
    { code: 'INVALID_OPTION', message: expect.stringContaining('elsewhere:9000') as string },
  ]);
});

test('one that claims our own address is waited for as long as it takes', async () => {
  await world.occupy({ directoryId: 'e'.repeat(32) });
  world.begin();
  await world.pass(2 * (SESSION_MS + 4000));
  expect([world.conflicts, new Set(world.lines)]).toEqual([[], new Set([WAITS])]);
});

test('of two copies of a data directory the later life stays', async () => {
  await world.occupy({ host: 'elsewhere', incarnation: 6 });
  world.begin();
  await world.pass(SESSION_MS + 6000);
  expect(world.conflicts).toHaveLength(1);
  expect((await world.registered())?.incarnation).toBe(6);
});
