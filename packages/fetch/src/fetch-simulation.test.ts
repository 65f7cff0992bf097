// Random schedules with crashes, power losses, cuts, loss, duplicates, reordering, late states and lost answers of the
// zkserver; the checker watches every effect, and at the end a healed cluster must make progress. A failure names its seed.
import { SimSchedule } from './testing/sim-schedule.js';

const totals = { commits: 0, losses: 0, seals: 0, epochs: 0 };

test.each([0, 1, 2])('replicas keep every promise and recover: hundred %i', (hundred) => {
  for (let seed = hundred * 100; seed < (hundred + 1) * 100; seed += 1) {
    const schedule = new SimSchedule(seed);
    try {
      schedule.run(1_500);
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
    const { checker, zkserver } = schedule.cluster;
    totals.commits += checker.commits;
    totals.losses += checker.losses;
    totals.seals += checker.seals;
    totals.epochs += zkserver.state.epoch;
  }
});

test('the schedules reach what they are for', () => {
  expect(totals.commits).toBeGreaterThan(1_500);
  expect(totals.losses).toBeGreaterThan(10);
  expect(totals.seals).toBeGreaterThan(200);
  expect(totals.epochs).toBeGreaterThan(1_000);
});

/** Each was red once: a batch cut in two, a member counted in for ever, a copy over a longer log. */
test.each([599, 4_349, 5_472, 6_357, 8_739])('seed %i stays green', (seed) => {
  new SimSchedule(seed).run(1_500);
});
