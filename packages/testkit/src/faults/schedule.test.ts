// One seed decides which fault comes when, and hits whom.
import { NEMESES, namesOf, nemesisOf, possible } from './nemeses/catalogue.js';
import type { NemesisName } from './nemeses/catalogue.js';
import { clusterOf } from './testing/cluster.fixture.js';
import { Schedule } from './schedule.js';

const ALL = namesOf('all');
const { cluster } = clusterOf(5);

function planned(seed: number): string[] {
  const schedule = new Schedule(seed, ALL);
  return Array.from({ length: 50 }, (_, index) => {
    const { nemesis, random } = schedule.round(index + 1);
    const { target, holdMs, resumes } = nemesisOf(nemesis).plan(cluster, random);
    return `${nemesis} ${target} ${holdMs} ${resumes}`;
  });
}

test('the same seed plans the same faults, another one others', () => {
  expect(planned(7)).toEqual(planned(7));
  expect(planned(7)).not.toEqual(planned(8));
});

test('every nemesis has its turn, the heavier the more often', () => {
  const schedule = new Schedule(1, ALL);
  const counts = new Map<NemesisName, number>();
  for (let number = 1; number <= 2_000; number++) {
    const { nemesis } = schedule.round(number);
    counts.set(nemesis, (counts.get(nemesis) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual([...ALL].sort());
  expect(counts.get('kill-broker')).toBeGreaterThan(3 * (counts.get('kill-all') ?? 0));
});

test('a word stands for all nemeses that begin with it; an unknown one is refused by name', () => {
  expect(namesOf('partition-ring,pause')).toEqual(['partition-ring', 'pause']);
  expect(namesOf('kill')).toEqual(Object.keys(NEMESES).filter((name) => name.startsWith('kill-')));
  expect(namesOf('partition-one')).toEqual(['partition-one']);
  expect(namesOf('none')).toEqual([]);
  expect(() => namesOf('kill,earthquake')).toThrow('--nemesis earthquake: it takes all, none');
});

test('what a machine can not do is left out', () => {
  expect(possible(ALL, new Set())).not.toContain('disk-full');
  expect(possible(ALL, new Set(['proxies']))).toEqual(
    expect.arrayContaining(['partition-one', 'slow-network']),
  );
  expect(possible(ALL, new Set(['namespaces']))).not.toContain('slow-network');
});
