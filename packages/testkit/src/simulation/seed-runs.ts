// Who runs the seeds: this process, or several of its own.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { SimulationCommand } from './command.js';
import { planOf } from './scenarios.js';
import { lostOutcome, runToOutcome } from './seed-outcome.js';
import type { SeedOutcome } from './seed-outcome.js';
import type { SeedReport, SeedRequest } from './seed-process.js';

export interface SeedRuns {
  /** Runs what `next` names until it names nothing; outcomes come in any order. */
  run(next: () => number | undefined, done: (outcome: SeedOutcome) => void): Promise<void>;
  /** What is under way is given up. */
  stop(): void;
  readonly cpuSeconds: number;
}

export type SeedRunsFactory = (
  command: SimulationCommand,
  echo: (line: string) => void,
) => SeedRuns;

/** In this process: seeds can be watched, and a debugger sees them. */
export const runHere: SeedRunsFactory = ({ scenario, durationMs, minimize, trace }, echo) => {
  const before = process.cpuUsage();
  let stopped = false;
  return {
    run: async (next, done) => {
      for (let seed = next(); seed !== undefined && !stopped; seed = next()) {
        const plan = planOf(scenario, seed, durationMs);
        done(await runToOutcome(plan, { minimize, echo: trace ? echo : undefined }));
      }
    },
    stop: () => {
      stopped = true;
    },
    get cpuSeconds() {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1e6;
    },
  };
};

/** In processes of their own: on all cores, and a seed that never ends, or ends its process, is known by its number. */
export const runInProcesses: SeedRunsFactory = (command) => new SeedProcesses(command);

/** Much of what a seed makes is soon of no use: a larger nursery saves half of the work of collecting it. */
const NODE_FLAGS = ['--max-semi-space-size=32'];
/** Without a sign of life; a seed takes less than a second of a core that it has for itself. */
const SILENCE_MS = 120_000;

class SeedProcesses implements SeedRuns {
  private readonly children = new Set<ChildProcess>();
  private readonly cpu = new Map<ChildProcess, number>();
  private stopped = false;

  constructor(private readonly command: SimulationCommand) {}

  get cpuSeconds(): number {
    return [...this.cpu.values()].reduce((sum, seconds) => sum + seconds, 0);
  }

  async run(next: () => number | undefined, done: (outcome: SeedOutcome) => void): Promise<void> {
    const workers = Array.from({ length: this.command.jobs }, async () => {
      let seed = next();
      // A process that was lost is replaced for the seeds that are left.
      while (seed !== undefined && !this.stopped) seed = await this.runChild(seed, next, done);
    });
    await Promise.all(workers);
  }

  stop(): void {
    this.stopped = true;
    for (const child of this.children) child.kill('SIGKILL');
  }

  /** Resolves when this process runs no more, with the next seed if there are any left. */
  private runChild(
    first: number,
    next: () => number | undefined,
    done: (outcome: SeedOutcome) => void,
  ): Promise<number | undefined> {
    const { scenario, durationMs, minimize } = this.command;
    const child = fork(join(__dirname, 'seed-process.js'), { execArgv: NODE_FLAGS });
    this.children.add(child);
    return new Promise((resolve) => {
      let seed: number | undefined = first;
      let silence: NodeJS.Timeout | undefined;
      let lost = 'its process ended';
      const watch = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          lost = `it did not go on for ${SILENCE_MS / 1000} s`;
          child.kill('SIGKILL');
        }, SILENCE_MS);
      };
      const ask = (): void => {
        if (seed === undefined) return void child.disconnect();
        const request: SeedRequest = { seed, scenario, durationMs, minimize };
        child.send(request);
      };
      child.on('message', ({ outcome, cpuSeconds }: SeedReport) => {
        this.cpu.set(child, cpuSeconds);
        watch();
        if (outcome === undefined) return;
        done(outcome);
        seed = next();
        ask();
      });
      child.on('exit', (code, signal) => {
        clearTimeout(silence);
        this.children.delete(child);
        if (seed === undefined || this.stopped) return resolve(undefined);
        done(lostOutcome(seed, scenario, `${lost} (${signal ?? `exit code ${code}`})`));
        resolve(next());
      });
      watch();
      ask();
    });
  }
}
