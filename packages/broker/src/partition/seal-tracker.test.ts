// Sealed is a function of the log: whatever becomes of a replica, its last batches say whether it is sealed.
import type { LogSlice, ReplicaLog } from '@zhumq/log';
import {
  encodeBatch,
  leaderChangeBatch,
  modeSealBatch,
  readBatchHeader,
  stampBatch,
} from '@zhumq/model';
import { SealTracker } from './seal-tracker.js';

const GENERATION = 3;

/** Batches at offsets, as the tracker reads them: from memory, or later, when told. */
class Batches {
  cold = false;
  reads = 0;
  fail = false;
  readonly held: (() => void)[] = [];
  private batches: { base: number; bytes: Buffer }[] = [];

  get logStart(): number {
    return this.batches[0]?.base ?? 0;
  }

  get logEnd(): number {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : readBatchHeader(last.bytes).lastOffset + 1;
  }

  add(bytes: Buffer, epoch = 1): Buffer {
    const base = this.logEnd;
    stampBatch(bytes, 0, base, epoch);
    this.batches.push({ base, bytes });
    return bytes;
  }

  truncate(from: number): void {
    this.batches = this.batches.filter(({ base }) => base < from);
  }

  read(from: number): LogSlice | Promise<LogSlice> {
    this.reads++;
    const found = this.batches.findLast(({ base }) => base <= from);
    if (found === undefined) throw new Error(`nothing at ${from}`);
    const { bytes, base } = found;
    const endOffset = readBatchHeader(bytes).lastOffset + 1;
    const slice = { buffers: [bytes], bytes: bytes.length, firstOffset: base, endOffset };
    if (!this.cold) return slice;
    return new Promise((resolve, reject) => {
      this.held.push(() => {
        if (this.fail) reject(new Error('the log is closed'));
        else resolve(slice);
      });
    });
  }

  async answer(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      for (const go of this.held.splice(0)) go();
      await Promise.resolve();
      await Promise.resolve();
    }
  }
}

function trackerOf(batches: Batches): { tracker: SealTracker; changes: () => number } {
  let changes = 0;
  const log = batches as unknown as ReplicaLog;
  const tracker = new SealTracker(log, GENERATION, () => void changes++);
  return { tracker, changes: () => changes };
}

const records = (count = 1): Buffer =>
  encodeBatch(
    Array.from({ length: count }, () => ({ timestamp: 1, key: null, value: Buffer.from('r') })),
  );
const seal = (transitionId = 'switch-1', generation = GENERATION): Buffer =>
  modeSealBatch({ generation, transitionId }, 1);
const leaderChange = (generation = GENERATION): Buffer =>
  leaderChangeBatch({ generation, replicaId: 'a', voters: [] }, 1);

describe('what the last batches say', () => {
  test('a log is sealed by a seal of its generation, through leader changes of later epochs', () => {
    const batches = new Batches();
    batches.add(records(5), 4);
    batches.add(seal(), 4);
    batches.add(leaderChange(), 5);
    batches.add(leaderChange(), 7);
    const { tracker } = trackerOf(batches);
    expect(tracker.state).toBe('unknown');
    tracker.find();
    expect(tracker.state).toEqual({ transitionId: 'switch-1', epoch: 4, endOffset: 6 });
  });

  test.each([
    ['an empty log', []],
    ['records', [records()]],
    ['leader changes alone', [leaderChange(), leaderChange()]],
    ['rule 13: a seal of an older generation', [seal('old', 2), leaderChange()]],
    [
      'rule 13: leader changes of an older generation behind its seal',
      [seal('old', 2), leaderChange(2)],
    ],
    ['rule 14: records that look like a seal', [Buffer.from(seal())].map(asRecords)],
  ])('%s: not sealed', (_, content) => {
    const batches = new Batches();
    for (const bytes of content) batches.add(bytes);
    const { tracker } = trackerOf(batches);
    tracker.find();
    expect(tracker.state).toBeUndefined();
  });

  test('an empty log is told to be so without a read, and who is not asked reads nothing', () => {
    const batches = new Batches();
    const { tracker } = trackerOf(batches);
    batches.add(records());
    expect(batches.reads).toBe(0);
    tracker.find();
    tracker.find();
    expect(batches.reads).toBe(1);
  });
});

describe('as the log goes on', () => {
  test('an appended seal seals, and rule 17: a truncated seal unseals', () => {
    const batches = new Batches();
    const { tracker, changes } = trackerOf(batches);
    tracker.find();
    tracker.appended(batches.add(records(3)));
    tracker.appended(Buffer.concat([batches.add(leaderChange(), 2), batches.add(seal('t'), 2)]));
    expect(tracker.state).toEqual({ transitionId: 't', epoch: 2, endOffset: 5 });
    tracker.appended(batches.add(leaderChange(), 3));
    batches.truncate(5);
    tracker.truncated(5);
    expect(tracker.seal?.transitionId).toBe('t');
    batches.truncate(4);
    tracker.truncated(4);
    expect(tracker.state).toBeUndefined();
    expect(changes()).toBe(3);
  });

  test('a follower that never looked learns from what it is sent', () => {
    const batches = new Batches();
    const { tracker } = trackerOf(batches);
    tracker.appended(batches.add(leaderChange(), 2));
    expect(tracker.state).toBe('unknown');
    tracker.appended(batches.add(seal('t'), 2));
    expect(tracker.seal?.endOffset).toBe(2);
    expect(batches.reads).toBe(0);
  });

  test('a copied log is looked at anew', () => {
    const batches = new Batches();
    batches.add(records());
    const { tracker } = trackerOf(batches);
    tracker.find();
    batches.add(seal('copied'));
    tracker.replaced();
    expect(tracker.seal?.transitionId).toBe('copied');
  });
});

describe('a cold log', () => {
  test('is not known until it was read', async () => {
    const batches = new Batches();
    batches.cold = true;
    batches.add(seal('t'), 2);
    batches.add(leaderChange(), 3);
    const { tracker, changes } = trackerOf(batches);
    tracker.find();
    expect(tracker.state).toBe('unknown');
    expect(tracker.seal).toBeUndefined();
    await batches.answer();
    expect(tracker.seal?.transitionId).toBe('t');
    expect(changes()).toBe(1);
  });

  test('what was cut while it was read does not seal', async () => {
    const batches = new Batches();
    batches.cold = true;
    batches.add(records(2), 1);
    batches.add(seal('t'), 2);
    const { tracker } = trackerOf(batches);
    tracker.find();
    batches.truncate(2);
    tracker.truncated(2);
    await batches.answer();
    expect(tracker.state).toBeUndefined();
  });

  test('what was appended while it was read is what counts', async () => {
    const batches = new Batches();
    batches.cold = true;
    batches.add(records(2), 1);
    const { tracker } = trackerOf(batches);
    tracker.find();
    tracker.appended(batches.add(seal('new'), 2));
    await batches.answer();
    expect(tracker.seal?.transitionId).toBe('new');
  });

  test('that can not be read stays unknown, and can be looked at again', async () => {
    const batches = new Batches();
    Object.assign(batches, { cold: true, fail: true });
    batches.add(records());
    const { tracker } = trackerOf(batches);
    tracker.find();
    await batches.answer();
    expect(tracker.state).toBe('unknown');
    batches.fail = false;
    tracker.find();
    await batches.answer();
    expect(tracker.state).toBeUndefined();
  });
});

/** The same bytes without the control bit. */
function asRecords(batch: Buffer): Buffer {
  batch.writeInt16BE(0, 21);
  return batch;
}
