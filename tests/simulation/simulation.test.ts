// The short form of the simulator: some seeds of every scenario, those that failed once, and the same seed twice.
// The long form is `npm run sim`; see docs/testing-simulation.md.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCENARIOS, main, runSeed } from '@zhumq/testkit';
import type { SeedResult } from '@zhumq/testkit';

// Ten seconds of work together; more on a machine that has other things to do.
jest.setTimeout(600_000);

interface KeptSeed {
  readonly seed: number;
  readonly scenario: string;
  readonly durationMs: number;
  readonly why: string;
}

function keptSeeds(): KeptSeed[] {
  const lines = readFileSync(join(__dirname, 'seeds.txt'), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [seed, scenario, duration, ...why] = line.split(' ');
      const durationMs = Number(duration.replace(/s$/, '')) * 1000;
      return { seed: Number(seed), scenario, durationMs, why: why.join(' ') };
    });
}

function run(scenario: string, seed: number, durationMs?: number): Promise<SeedResult> {
  return runSeed(SCENARIOS[scenario].plan(seed, durationMs));
}

async function output(...args: string[]): Promise<{ code: number; last: string }> {
  const lines: string[] = [];
  const code = await main(args, { write: (line) => lines.push(line) });
  return { code, last: lines.at(-1) ?? '' };
}

test.each(Object.keys(SCENARIOS))(
  'a short run of scenario %s holds every promise',
  async (name) => {
    expect(await run(name, 1)).toMatchObject({ findings: [] });
  },
);

test('a run that is ended early says how far it came, and adds a row to the ledger', async () => {
  const ledger = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'ledger.md');
  const command = ['--seed', '5', '--seeds', '1000', '--seconds', '1', '--duration', '5s'];
  const { last } = await output(...command, '--ledger', ledger, '-o', 'json');
  const { seeds, ended } = JSON.parse(last) as { seeds: number; ended: string };
  expect(ended).toBe(`time limit, after seed ${4 + seeds}`);
  const rows = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  expect(rows.at(-1)).toContain(`| 5-${4 + seeds} | swarm 5s |`);
});

test('the same seed does the same things at the same times, whatever ran before it', async () => {
  const first = await run('swarm', 3);
  await run('swarm', 4);
  const again = await run('swarm', 3);
  expect(again.events).toBe(first.events);
  expect(again.digest).toBe(first.digest);
  expect((await run('swarm', 4)).digest).not.toBe(first.digest);
});

test('every kept seed says why it is there, and holds now', async () => {
  for (const { seed, scenario, durationMs, why } of keptSeeds()) {
    expect(why).not.toBe('');
    expect(await run(scenario, seed, durationMs)).toMatchObject({ seed, findings: [] });
  }
});

test('the command sums its seeds in the last line, and says how it is used', async () => {
  const { code, last } = await output(
    '--seed',
    '5',
    '--seeds',
    '2',
    '--duration',
    '5s',
    '-o',
    'json',
  );
  const line = JSON.parse(last) as Record<string, unknown>;
  expect(code).toBe(0);
  expect(line).toMatchObject({ seeds: 2, violations: 0, failedSeeds: [] });
  expect(Object.keys(line)).toEqual(
    expect.arrayContaining(['digest', 'simulatedHours', 'events', 'wallSeconds']),
  );
  expect((await output('--seed', 'x')).code).toBe(2);
  expect((await output('--scenario', 'nothing')).last).toContain('swarm: what the seed draws');
});
