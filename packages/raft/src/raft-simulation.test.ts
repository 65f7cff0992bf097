// Random schedules with crashes, cuts, loss, duplicates, reordering and slow disks; the checker watches every effect, and
// at the end a healed cluster must make progress. A failure names its seed.
import { SimSchedule } from './testing/sim-schedule.js';

const budgetMs = 3_000;

function survive(voters: number, lossy: boolean): void {
  const began = performance.now();
  let seed = 1;
  let sleeps = 0;
  while (performance.now() - began < budgetMs) {
    try {
      const schedule = new SimSchedule({ voters, seed, lossy });
      schedule.run(1_500);
      sleeps += schedule.sleeps;
    } catch (error) {
      throw new Error(`seed ${seed} of ${voters} voters: ${String(error)}`, { cause: error });
    }
    seed += 1;
  }
  expect(seed).toBeGreaterThan(5);
  expect(sleeps).toBeGreaterThan(0);
}

test('three replicas keep every promise through random faults, and recover', () => {
  survive(3, false);
});

test('five replicas keep every promise through random faults, and recover', () => {
  survive(5, false);
});

test('a replica that lost acknowledged writes and is tainted endangers nothing', () => {
  survive(3, true);
});
