// Store and real partition logs, killed at every file system operation of a workload: what was reported durable is there
// afterwards, batch by batch, and the hard state never goes back.
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { FaultyFileSystem } from './file-system/faulty-file-system.js';
import { PartitionFactory } from './partition/partition-factory.js';
import { CONFIG, StoreWorld, identityOf, settle } from './store/store-world.test-support.js';
import type { LogConfig, ReplicaLog } from './types.js';

jest.setTimeout(120_000);

const OPTIONS = { walFileBytes: 2048, checkpointBytes: 4000 };
const REPLICAS = 2;

/** What one replica was told. */
interface Ledger {
  /** The log as it stands in memory: the batches' bytes, by base offset. */
  batches: { readonly base: number; readonly bytes: Buffer }[];
  /** Only ever grows between truncations. */
  durableEnd: number;
  term: number;
  durableTerm: number;
  epoch: number;
  readonly terms: Map<number, number>;
}

const partitions = (fileSystem: FaultyFileSystem): PartitionFactory =>
  new PartitionFactory(fileSystem, { blockCacheBytes: 1 << 20, tailBytes: 1 << 20, openFiles: 16 });

class Driver {
  readonly ledgers = new Map<number, Ledger>();

  constructor(
    private readonly world: StoreWorld,
    private readonly config: LogConfig,
  ) {}

  async work(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (let number = 0; number < REPLICAS; number++) this.step(number, round + number);
      if (round === 5) await this.world.store.checkpoint();
      await settle(1 + (round % 3));
    }
    await settle();
  }

  watch(number: number): ReplicaLog {
    const { replicaId } = identityOf(number);
    let log = this.world.store.replica(replicaId);
    let ledger = this.ledgers.get(number);
    if (log === undefined) log = this.world.store.createReplica(identityOf(number), this.config);
    if (ledger === undefined) {
      const fresh = { durableEnd: 0, term: 0, durableTerm: 0, epoch: 1 };
      ledger = { ...fresh, batches: [], terms: new Map() };
      this.ledgers.set(number, ledger);
    }
    const known = ledger;
    log.config = this.config;
    log.listener ??= {
      onDurable: (end) => (known.durableEnd = end),
      onHardStateDurable: (sequence) =>
        (known.durableTerm = Math.max(known.durableTerm, known.terms.get(sequence) ?? 0)),
      onFailed: () => undefined,
    };
    return log;
  }

  private step(number: number, dice: number): void {
    const log = this.watch(number);
    const ledger = this.ledgers.get(number) as Ledger;
    if (dice % 6 === 4 && ledger.batches.length > 2) {
      ledger.batches = ledger.batches.slice(0, -2);
      const from = log.logEnd - 2;
      ledger.durableEnd = Math.min(ledger.durableEnd, from);
      log.truncate(from);
      // An (epoch, offset) is written once (rule 4).
      ledger.epoch++;
    } else if (dice % 4 === 1) {
      const hardState = {
        generation: 1,
        term: ++ledger.term,
        vote: 'me',
        closed: false,
        tainted: false,
        taintReason: '',
      };
      ledger.terms.set(log.saveHardState(hardState), ledger.term);
    } else {
      const value = Buffer.alloc(30 + dice * 20, dice);
      const batch = encodeBatch([{ timestamp: 1000, key: null, value }], {});
      const { baseOffset } = log.appendAsLeader(batch, readBatchHeader(batch), ledger.epoch);
      ledger.batches.push({ base: baseOffset, bytes: Buffer.from(batch) });
    }
  }

  /** After a start: compares, and takes over what survived beyond what was promised. */
  async check(): Promise<void> {
    expect(this.world.store.corruption).toEqual([]);
    for (const [number, ledger] of [...this.ledgers]) {
      const log = this.world.store.replica(identityOf(number).replicaId);
      if (log === undefined) {
        expect([ledger.durableEnd, ledger.durableTerm]).toEqual([0, 0]);
        this.ledgers.delete(number);
        continue;
      }
      expect(log.damage).toBeUndefined();
      expect(log.hardState?.term ?? 0).toBeGreaterThanOrEqual(ledger.durableTerm);
      expect(log.hardState?.term ?? 0).toBeLessThanOrEqual(ledger.term);
      if (this.config.flush === 'fsync')
        expect(log.logEnd).toBeGreaterThanOrEqual(ledger.durableEnd);
      const promised = ledger.batches.filter(({ base }) => base < ledger.durableEnd);
      const expected = Buffer.concat(promised.map(({ bytes }) => bytes));
      const found = await contentOf(log);
      const shorter = Math.min(expected.length, found.length);
      expect(found.subarray(0, shorter).equals(expected.subarray(0, shorter))).toBe(true);
      this.ledgers.delete(number);
      this.watch(number);
      const next = this.ledgers.get(number) as Ledger;
      next.batches = split(found);
      next.durableEnd = log.durableEnd;
      next.term = log.hardState?.term ?? 0;
      next.durableTerm = next.term;
      next.epoch = ledger.epoch + 1;
    }
  }
}

async function contentOf(log: ReplicaLog): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = log.logStart; at < log.logEnd;) {
    const slice = await log.read(at, log.logEnd, 1 << 20);
    parts.push(...slice.buffers);
    at = slice.endOffset;
  }
  return Buffer.concat(parts);
}

function split(content: Buffer): Ledger['batches'] {
  const batches: Ledger['batches'] = [];
  for (let at = 0; at < content.length;) {
    const { baseOffset, sizeBytes } = readBatchHeader(content, at);
    batches.push({ base: baseOffset, bytes: content.subarray(at, at + sizeBytes) });
    at += sizeBytes;
  }
  return batches;
}

async function ignoringDeath(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!/could not be made|dead|died|fail|closed|out of service/.test(String(error))) throw error;
  }
  await settle(3);
}

async function dieAt(at: number, seed: number, config: LogConfig): Promise<boolean> {
  const world = new StoreWorld(partitions);
  const driver = new Driver(world, config);
  world.fileSystem.recording = false;
  let died = false;
  world.fileSystem.fault = (_, index) => {
    died ||= index === at;
    return index === at ? { kind: 'crash' } : undefined;
  };
  await ignoringDeath(async () => {
    await world.open(OPTIONS);
    await driver.work(10);
  });
  world.crash(seed);
  world.fileSystem.fault = (_, index) => (index === at % 23 ? { kind: 'crash' } : undefined);
  await ignoringDeath(() => world.open(OPTIONS));
  world.crash(seed + 1);
  await world.open(OPTIONS);
  await driver.check();
  await driver.work(3);
  world.crash(seed + 2);
  await world.open(OPTIONS);
  await driver.check();
  return died;
}

test.each(['fsync', 'interval'] as const)('flush %s: a crash at every operation', async (flush) => {
  let at = 0;
  while (await dieAt(at, 77 * at, { ...CONFIG, flush, segmentBytes: 700 })) at++;
  expect(at).toBeGreaterThan(80);
});
