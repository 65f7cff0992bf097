// The command's work for scripts: plays each with each seed, tells of those that fail, and sums.
import type { SimulationCommand } from '../command.js';
import { Tally } from '../tally.js';
import { runScript } from './run-script.js';
import type { ScriptedScenario } from './scripted-scenario.js';

/** Lines of the log of a script that failed. */
const LAST_LINES = 60;

/** Resolves with the exit code. */
export async function runScripts(
  { seed: first, seeds, trace, json }: SimulationCommand,
  scripts: readonly ScriptedScenario[],
  write: (line: string) => void,
): Promise<number> {
  const tally = new Tally();
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  for (let seed = first; seed < first + seeds; seed++) {
    for (const script of scripts) {
      const result = await runScript(script, seed, trace ? write : undefined);
      const { findings, simulatedMs, lastLines } = result;
      tally.add({ ...result, findings: findings.length, story: [] });
      if (findings.length === 0) continue;
      write(`${script.name} fails after ${(simulatedMs / 1000).toFixed(1)} s:`);
      for (const { check, sentence } of findings) write(`  ${check}: ${sentence}`);
      for (const line of lastLines.slice(-LAST_LINES)) write(line);
      write(`again: npm run sim -- --scenario ${script.name} --seed ${seed} --trace`);
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const times = { wallSeconds, cpuSeconds: (user + system) / 1e6 };
  const line = tally.line(times, false, undefined);
  if (json) write(JSON.stringify(line));
  else for (const [name, value] of Object.entries(line)) write(`${name}: ${JSON.stringify(value)}`);
  return line.violations > 0 ? 1 : 0;
}
