import { SeededRandom, randomId, systemRandom } from './random.js';

/** What a seed gives must never change: failed simulations are repeated by their seed. */
test('the sequence of a seed is golden', () => {
  const random = new SeededRandom(42);
  const drawn = Array.from({ length: 8 }, () => random.below(2 ** 32));
  expect(drawn).toEqual([
    1959603763, 2423114712, 2466933512, 4144396390, 3569536208, 2879541286, 1768279649, 711354134,
  ]);
});

test('the same seed gives the same sequence, another seed another', () => {
  const draw = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 100 }, () => random.fraction());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(-1)).toEqual(draw(2 ** 32 - 1));
});

test('draws below a limit are spread evenly', () => {
  const random = new SeededRandom(3);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 100_000; draw++) counts[random.below(10)]++;
  for (const count of counts) {
    expect(count).toBeGreaterThan(9_600);
    expect(count).toBeLessThan(10_400);
  }
});

test('neighbouring seeds have nothing in common', () => {
  const firsts = Array.from({ length: 1000 }, (_, seed) => new SeededRandom(seed).fraction());
  expect(new Set(firsts).size).toBe(1000);
  const mean = firsts.reduce((sum, value) => sum + value, 0) / 1000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
});

test('fractions are at least 0 and below 1', () => {
  const random = systemRandom();
  for (let draw = 0; draw < 10_000; draw++) {
    const fraction = random.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
  }
});

test('identities are 32 hexadecimal digits and differ', () => {
  const ids = Array.from({ length: 100 }, randomId);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(ids).size).toBe(100);
});
