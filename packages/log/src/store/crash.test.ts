// Every crash point: the process dies at each file system operation of a workload in turn, power is lost with several
// choices of what survives, the store is opened again (and dies again while it recovers), and what it then holds is
// compared with what it had promised.
import { identityOf, settle, StoreWorld } from './store-world.test-support.js';
import type { NoteReplica } from './note-replica.test-support.js';

// Thousands of starts.
jest.setTimeout(60_000);

/** What one replica was told, and what it ever wrote. */
interface Ledger {
  /** By sequence: log content and term after that write. */
  readonly states: Map<number, { readonly content: string; readonly term: number }>;
  durable: number;
}

type Ledgers = Map<number, Ledger>;

const OPTIONS = { checkpointBytes: 1500, walFileBytes: 1024 };

function watch(notes: NoteReplica, ledger: Ledger): void {
  notes.onDurable = (sequence) => (ledger.durable = Math.max(ledger.durable, sequence));
}

/** A few hundred operations: appends, truncations, votes, rolled and recycled files, checkpoints, new replicas. */
async function work(world: StoreWorld, ledgers: Ledgers, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let number = 0; number < 3; number++) {
      if (round === number * 2 && !ledgers.has(number)) {
        const made: Ledger = { states: new Map([[0, { content: '', term: 0 }]]), durable: -1 };
        ledgers.set(number, made);
        watch(world.create(number), made);
      }
      const ledger = ledgers.get(number);
      if (ledger !== undefined) step(world.notes(number), ledger, round + number);
    }
    if (round === 7) await world.store.checkpoint();
    await settle(1 + (round % 3));
  }
  await settle();
}

function step(notes: NoteReplica, ledger: Ledger, dice: number): void {
  const before = ledger.states.get(notes.sequence);
  if (before === undefined) throw new Error(`sequence ${notes.sequence} was never written`);
  let { content, term } = before;
  let sequence: number;
  if (dice % 5 === 3 && content.length > 8) {
    content = content.slice(0, -8);
    sequence = notes.truncate(content.length);
  } else if (dice % 4 === 1) {
    sequence = notes.vote(++term);
  } else {
    const added = `<${notes.identity.partition}:${notes.sequence}${'.'.repeat(dice * 7)}>`;
    content += added;
    sequence = notes.append(added);
  }
  ledger.states.set(sequence, { content, term });
}

function check(world: StoreWorld, ledgers: Ledgers): void {
  expect(world.store.corruption).toEqual([]);
  for (const [number, ledger] of ledgers) {
    const log = world.store.replica(identityOf(number).replicaId);
    if (log === undefined) {
      expect(ledger.durable).toBe(-1);
      ledgers.delete(number);
      continue;
    }
    const notes = world.notes(number);
    expect(notes.damage).toBeUndefined();
    expect(notes.sequence).toBeGreaterThanOrEqual(ledger.durable);
    // Exactly a state that it once had: nothing that was never written, no hard state that goes back.
    expect({ content: notes.content(), term: notes.hardState?.term ?? 0 }).toEqual(
      ledger.states.get(notes.sequence),
    );
    for (const sequence of ledger.states.keys()) {
      if (sequence > notes.sequence) ledger.states.delete(sequence);
    }
    ledger.durable = notes.sequence;
    watch(notes, ledger);
  }
}

async function ignoringDeath(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!/could not be made|dead|died|failed|closed|no such replica/.test(String(error)))
      throw error;
  }
  await settle(3);
}

async function dieAt(at: number, seed: number, world = new StoreWorld()): Promise<boolean> {
  const ledgers: Ledgers = new Map();
  world.fileSystem.recording = false;
  let died = false;
  world.fileSystem.fault = (_, index) => {
    died ||= index === at;
    return index === at ? { kind: 'crash' } : undefined;
  };
  await ignoringDeath(async () => {
    await world.open(OPTIONS);
    await work(world, ledgers, 12);
  });
  world.crash(seed);
  // A second crash while it recovers; the third start must find the same.
  world.fileSystem.fault = (_, index) => (index === at % 17 ? { kind: 'crash' } : undefined);
  await ignoringDeath(() => world.open(OPTIONS));
  world.crash(seed + 1);
  await world.open(OPTIONS);
  check(world, ledgers);
  await work(world, ledgers, 3);
  world.crash(seed + 2);
  await world.open(OPTIONS);
  check(world, ledgers);
  return died;
}

test.each([1, 2, 3, 4])(
  'a crash at every operation (survivors by seed %i)',
  async (seed) => {
    let at = 0;
    while (await dieAt(at, seed * 1000 + at)) at++;
    // Fewer operations would mean that the workload does not reach what it is for.
    expect(at).toBeGreaterThan(100);
  },
  20000,
);

test('a store whose log is not synced is caught by that test (mutant)', async () => {
  const caught = async (at: number): Promise<boolean> => {
    const world = new StoreWorld();
    const { fileSystem } = world;
    const openSync = fileSystem.openSync.bind(fileSystem);
    fileSystem.openSync = (path, mode) => {
      const handle = openSync(path, mode);
      if (path.endsWith('.wal')) handle.sync = () => Promise.resolve();
      return handle;
    };
    return dieAt(at, at, world).then(
      () => false,
      () => true,
    );
  };
  let times = 0;
  for (let at = 40; at < 100; at += 5) if (await caught(at)) times++;
  expect(times).toBeGreaterThan(3);
});

test('a kill at every operation (the page cache survives) loses nothing that was written', async () => {
  for (let at = 0; ; at += 3) {
    const world = new StoreWorld();
    const ledgers: Ledgers = new Map();
    let died = false;
    world.fileSystem.fault = (_, index) => {
      died ||= index === at;
      return index === at ? { kind: 'crash' } : undefined;
    };
    await ignoringDeath(async () => {
      await world.open(OPTIONS);
      await work(world, ledgers, 12);
    });
    world.fileSystem.kill();
    await world.open(OPTIONS);
    expect(world.store.cleanStart).toBe(true);
    check(world, ledgers);
    if (!died) break;
  }
});
