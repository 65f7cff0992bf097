// Random appends, cuts, syncs, restarts and power losses against a list of batches.
import { SeededRandom } from '@zhumq/base';
import { readBatchHeader, stampBatch } from '@zhumq/model';
import fc from 'fast-check';
import type { FlushPolicy } from '../types.js';
import { PartitionWorld, makeBatch } from './partition-world.test-support.js';

interface ModelBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly epoch: number;
}

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('leader' as const),
      count: fc.integer({ min: 1, max: 4 }),
      bytes: fc.integer({ min: 0, max: 200 }),
      bump: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('follower' as const),
      counts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      bump: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('watermark' as const), at: fc.nat(1000) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('tick' as const), synced: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      from: fc.nat(1000),
      end: fc.nat(1000),
      maxBytes: fc.integer({ min: 1, max: 2000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), seed: fc.nat() }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

class Run {
  private batches: readonly ModelBatch[] = [];
  private epoch = 1;
  private readonly states = new Map<number, readonly ModelBatch[]>([[0, []]]);
  /** On disk whatever happens. */
  private promised = 0;

  constructor(
    private readonly world: PartitionWorld,
    private readonly flush: FlushPolicy,
  ) {}

  get end(): number {
    return this.batches.at(-1)?.endOffset ?? 0;
  }

  async step(step: Command): Promise<void> {
    const { world } = this;
    switch (step.kind) {
      case 'leader': {
        if (step.bump) this.epoch++;
        const batch = makeBatch(step.count, { bytes: step.bytes });
        world.log.appendAsLeader(batch, readBatchHeader(batch), this.epoch);
        this.append(batch);
        break;
      }
      case 'follower': {
        if (step.bump) this.epoch++;
        let at = this.end;
        const batches = step.counts.map((count) => {
          const batch = makeBatch(count);
          stampBatch(batch, 0, at, this.epoch);
          at += count;
          return batch;
        });
        world.log.appendAsFollower(Buffer.concat(batches));
        for (const batch of batches) this.append(batch);
        break;
      }
      case 'truncate': {
        const places = this.boundaries().filter((offset) => offset >= world.log.highWatermark);
        const from = places[step.at % places.length];
        // A leader never appends again in an epoch that it cut.
        this.epoch++;
        world.log.truncate(from);
        this.batches = this.batches.filter(({ endOffset }) => endOffset <= from);
        this.promised = Math.min(this.promised, from);
        this.remember();
        break;
      }
      case 'watermark': {
        const places = this.boundaries().filter((offset) => offset <= world.log.durableEnd);
        world.log.setHighWatermark(places[step.at % places.length]);
        break;
      }
      case 'tick':
        world.tick({ synced: step.synced });
        if (step.synced && this.flush === 'fsync') this.promised = world.log.durableEnd;
        break;
      case 'read':
        await this.read(step.from % (this.end + 1), step.end % (this.end + 1), step.maxBytes);
        break;
      case 'checkpoint':
        await world.checkpoint();
        this.promised = this.end;
        break;
      case 'restart':
        await world.restart();
        this.batches = this.states.get(this.lastSequence()) ?? [];
        break;
      case 'crash':
        await world.crash(new SeededRandom(step.seed));
        this.afterCrash();
        break;
    }
    await this.compare();
  }

  private append(batch: Buffer): void {
    const { baseOffset, lastOffset, epoch } = readBatchHeader(batch);
    const entry = { bytes: Buffer.from(batch), baseOffset, endOffset: lastOffset + 1, epoch };
    this.batches = [...this.batches, entry];
    this.remember();
  }

  private remember(): void {
    this.states.set(this.lastSequence(), this.batches);
  }

  private lastSequence(): number {
    return this.world.frames.at(-1)?.record.sequence ?? this.world.row?.sequence ?? 0;
  }

  private afterCrash(): void {
    const { world } = this;
    const torn = world.frames.at(-1);
    const isCut =
      torn?.state === 'gathered' ||
      (torn?.record.kind === 'truncate' && !this.states.has(torn.record.sequence));
    const sequence = isCut ? this.lastSequence() - 1 : this.lastSequence();
    const expected = this.states.get(sequence) ?? [];
    expect(world.log.damage).toBeUndefined();
    expect(world.log.logEnd).toBeGreaterThanOrEqual(this.promised);
    if (this.flush === 'fsync') expect(world.log.logEnd).toBe(expected.at(-1)?.endOffset ?? 0);
    this.batches = expected.filter(({ endOffset }) => endOffset <= world.log.logEnd);
    if (isCut) this.remember();
    this.epoch++;
  }

  private boundaries(): number[] {
    return [0, ...this.batches.map(({ endOffset }) => endOffset)];
  }

  private async read(from: number, end: number, maxBytes: number): Promise<void> {
    const slice = await this.world.log.read(from, end, maxBytes);
    const from0 = this.batches.find(({ endOffset }) => endOffset > from);
    const bytes = Buffer.concat(slice.buffers);
    expect(bytes.length).toBe(slice.bytes);
    if (from0 === undefined || from0.endOffset > end || from >= end) {
      expect(slice.bytes).toBe(0);
      return;
    }
    expect(slice.firstOffset).toBe(from0.baseOffset);
    expect(slice.bytes <= maxBytes || slice.endOffset === from0.endOffset).toBe(true);
    const wanted = this.batches.filter(
      ({ baseOffset, endOffset }) => baseOffset >= from0.baseOffset && endOffset <= slice.endOffset,
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.at(-1)?.endOffset).toBeLessThanOrEqual(end);
    expect(bytes.equals(Buffer.concat(wanted.map((batch) => batch.bytes)))).toBe(true);
  }

  private async compare(): Promise<void> {
    const { log } = this.world;
    expect(log.damage).toBeUndefined();
    expect(log.logEnd).toBe(this.end);
    expect(log.lastEpoch).toBe(this.batches.at(-1)?.epoch ?? 0);
    expect(log.durableEnd).toBeLessThanOrEqual(log.logEnd);
    for (const { baseOffset, endOffset, epoch } of this.batches) {
      expect(log.epochAt(baseOffset)).toBe(epoch);
      expect(log.epochAt(endOffset - 1)).toBe(epoch);
    }
    const all = await this.world.readAll(0, 700);
    expect(all.equals(Buffer.concat(this.batches.map(({ bytes }) => bytes)))).toBe(true);
  }
}

describe.each(['fsync', 'interval', 'os'] as const)(
  'any history of a log with flush %s',
  (flush) => {
    test('equals the same history of a list, over restarts and power losses', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(command, { maxLength: 80, size: 'max' }),
          fc.constantFrom(300, 1500, 5000),
          fc.constantFrom(0, 500, 5000),
          fc.constantFrom(1, 500, 1e6),
          fc.constantFrom(10, 300, 1e6),
          async (commands, segmentBytes, tailBytes, deriveAfterBytes, blockBytes) => {
            const world = await PartitionWorld.make(
              { flush, segmentBytes, indexIntervalBytes: 100 },
              { tailBytes, blockCacheBytes: 2000, openFiles: 2, deriveAfterBytes, blockBytes },
            );
            const run = new Run(world, flush);
            for (const step of commands) await run.step(step);
          },
        ),
        { numRuns: Number(process.env.RUNS ?? 40) },
      );
    });
  },
);
