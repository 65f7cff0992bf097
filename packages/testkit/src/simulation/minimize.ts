// A failing run made smaller: fewer faults, less time, less load, as long as it fails in the same way. The rest of the
// world goes its own way after each change, so this finds a smaller failure, not the smallest.
import type { SimulationPlan } from './simulation-options.js';
import type { SeedResult } from './run-seed.js';

/** Runs that it may take. */
const MAX_RUNS = 200;
/** After the failure. */
const MARGIN_MS = 2_000;

export interface Minimized {
  readonly plan: SimulationPlan;
  readonly result: SeedResult;
  readonly runs: number;
}

export async function minimize(
  plan: SimulationPlan,
  result: SeedResult,
  run: (plan: SimulationPlan) => Promise<SeedResult>,
): Promise<Minimized> {
  let best = { plan, result };
  let runs = 0;
  const wanted = new Set(result.findings.map(({ check }) => check));
  const failsWith = async (candidate: SimulationPlan): Promise<boolean> => {
    if (runs >= MAX_RUNS) return false;
    runs++;
    const tried = await run(candidate);
    if (!tried.findings.some(({ check }) => wanted.has(check))) return false;
    best = { plan: candidate, result: tried };
    return true;
  };
  for (const less of reductions(best.plan)) await failsWith({ ...best.plan, ...less });
  // Pieces of the plan of faults, ever smaller ones.
  for (let size = Math.ceil(best.plan.faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.plan.faults.length;) {
      const { faults } = best.plan;
      const rest = [...faults.slice(0, at), ...faults.slice(at + size)];
      if (!(await failsWith({ ...best.plan, faults: rest }))) at += size;
    }
  }
  const durationMs = (best.plan.faults.at(-1)?.atMs ?? 0) + MARGIN_MS;
  if (durationMs < best.plan.durationMs) await failsWith({ ...best.plan, durationMs });
  return { ...best, runs };
}

/** Whole parts of a run that may not matter. */
function reductions(plan: SimulationPlan): Partial<SimulationPlan>[] {
  return [
    { faults: [] },
    { groups: [] },
    { readers: [] },
    { switchEveryMs: 0 },
    ...plan.topics.map((topic) => ({ topics: [topic] })),
    { producers: plan.producers.slice(0, 1) },
  ];
}
