// All mutants, one after the other, in a few copies of the tree at a time.
//
//   unmutated copy: first seeds of every hunt are clean
//   each mutant: edits -> build -> seeds until one fails -> the unmutated copy on that very seed: clean -> edits undone
import { hunt } from './hunt.js';
import type { HuntResult } from './hunt.js';
import { editsOf } from './mutant.js';
import type { Hunt, Mutant } from './mutant.js';
import { TreeCopy } from './tree-copy.js';

export type Outcome =
  /** A checker, an invariant or the liveness phase found it. */
  | 'killed'
  /** All seeds, or the time, went by without a finding. */
  | 'survived'
  /** A program or the simulator died of it, which is no verdict. */
  | 'crashed'
  /** No run of it is known. */
  | 'untried'
  /** Not a mutant: a snippet is not there once, the compiler refuses it, or the seed fails without it, too. */
  | 'error';

export interface MutantResult {
  readonly id: string;
  readonly says: string;
  readonly source: string;
  readonly scenario: string;
  readonly outcome: Outcome;
  /** From the start of the first seed to the verdict. */
  readonly seconds: number;
  /** Of the processor, for the same: on a machine that has other things to do it tells more. */
  readonly cpuSeconds: number;
  readonly buildSeconds: number;
  /** Seeds that were run. */
  readonly seeds: number;
  readonly events: number;
  /** The one that killed it. */
  readonly seed?: number;
  /** Checker or invariant that killed it, or why there is no verdict. */
  readonly check?: string;
  readonly sentence?: string;
}

export interface CampaignOptions {
  /** Of the real tree. */
  readonly root: string;
  readonly mutants: readonly Mutant[];
  /** Mutants under way at a time. */
  readonly jobs: number;
  /** Of processor time, for the seeds of one mutant. */
  readonly limitSeconds: number;
  readonly progress: (line: string) => void;
  /** Told of each result as it comes. */
  readonly onResult?: (result: MutantResult) => void;
}

/** Seeds of each hunt that the unmutated copy runs before anything else. */
const CONTROL_SEEDS = 2;

export async function runCampaign(options: CampaignOptions): Promise<MutantResult[]> {
  const control = await TreeCopy.make(options.root);
  try {
    const complaint = await control.build();
    if (complaint !== undefined)
      throw new Error(`without a mutant it does not build: ${complaint}`);
    return await new Campaign(options, control).run();
  } finally {
    await control.remove();
  }
}

class Campaign {
  private readonly results: MutantResult[] = [];
  private readonly waiting: Mutant[];

  constructor(
    private readonly options: CampaignOptions,
    private readonly control: TreeCopy,
  ) {
    this.waiting = [...options.mutants];
  }

  async run(): Promise<MutantResult[]> {
    const { mutants, jobs } = this.options;
    await this.checkControl();
    const workers = Array.from({ length: Math.min(jobs, mutants.length) }, () => this.work());
    await Promise.all(workers);
    const place = new Map(mutants.map(({ id }, index) => [id, index]));
    return this.results.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  }

  private async checkControl(): Promise<void> {
    const { mutants, progress, limitSeconds } = this.options;
    const hunts = new Map<string, Hunt>();
    for (const { run } of mutants) {
      const { scenario, seed, seeds, durationMs } = run;
      const key = [scenario, seed, durationMs].join(' ');
      hunts.set(key, { ...run, seeds: Math.min(seeds, CONTROL_SEEDS) });
    }
    for (const one of hunts.values()) {
      const result = await hunt(this.control.root, one, limitSeconds);
      const what = `without a mutant, seeds ${one.seed} to ${one.seed + one.seeds - 1} of ${one.scenario}`;
      if (result.end !== 'seeds' || result.uncaught !== undefined)
        throw new Error(`${what} do not pass: ${describe(result)}`);
      progress(`${what} pass (${result.seconds.toFixed(1)} s)`);
    }
  }

  private async work(): Promise<void> {
    const copy = await this.control.again();
    try {
      for (;;) {
        const mutant = this.waiting.shift();
        if (mutant === undefined) return;
        const result = await this.tryMutant(copy, mutant);
        this.results.push(result);
        this.options.onResult?.(result);
        this.tell(result);
      }
    } finally {
      await copy.remove();
    }
  }

  private async tryMutant(copy: TreeCopy, mutant: Mutant): Promise<MutantResult> {
    const { id, says, source, run } = mutant;
    const base = { id, says, source, scenario: run.scenario };
    const startedMs = performance.now();
    const buildSeconds = (): number => (performance.now() - startedMs) / 1000;
    const none = { seconds: 0, cpuSeconds: 0, seeds: 0, events: 0 };
    const nothing = { ...base, ...none, outcome: 'error' as const };
    try {
      await copy.apply(editsOf(mutant));
      const complaint = await copy.build();
      if (complaint !== undefined) {
        const sentence = complaint.split('\n')[0];
        return { ...nothing, buildSeconds: buildSeconds(), check: 'does not compile', sentence };
      }
      const built = { ...base, buildSeconds: buildSeconds() };
      return await this.huntFor({ ...built }, copy, run);
    } catch (error) {
      const { message } = error as Error;
      return { ...nothing, buildSeconds: buildSeconds(), check: 'not applied', sentence: message };
    } finally {
      await copy.undo();
    }
  }

  private async huntFor(
    base: Pick<MutantResult, 'id' | 'says' | 'source' | 'scenario' | 'buildSeconds'>,
    copy: TreeCopy,
    run: Hunt,
  ): Promise<MutantResult> {
    const result = await hunt(copy.root, run, this.options.limitSeconds);
    const { seconds, cpuSeconds, seeds, events, seed, check, sentence, uncaught } = result;
    const common = { ...base, seconds, cpuSeconds, seeds, events };
    if (result.end === 'found' && seed !== undefined) {
      const again = await hunt(
        ...([this.control.root, { ...run, seed, seeds: 1 }, this.options.limitSeconds] as const),
      );
      const isClean = again.end === 'seeds' && again.uncaught === undefined;
      if (isClean) return { ...common, outcome: 'killed', seed, check, sentence };
      return { ...common, outcome: 'error', seed, check: 'fails without it', sentence };
    }
    if (uncaught !== undefined)
      return { ...common, outcome: 'crashed', check: 'uncaught', sentence: uncaught.sentence };
    if (result.end === 'crashed') return { ...common, outcome: 'crashed', sentence };
    return { ...common, outcome: 'survived', check: result.end === 'time' ? 'time' : 'seeds' };
  }

  private tell(result: MutantResult): void {
    const { mutants, progress } = this.options;
    const { id, outcome, seed, check, seeds, seconds, cpuSeconds, sentence } = result;
    const at = seed === undefined ? '' : ` by ${check ?? '?'} with seed ${seed}`;
    const why = outcome === 'error' || outcome === 'crashed' ? ` (${check}: ${sentence})` : '';
    const done = `${this.results.length}/${mutants.length}`;
    progress(
      `${done} ${id}: ${outcome}${at}, ${seeds} seeds, ${seconds.toFixed(1)} s (cpu ${cpuSeconds.toFixed(1)} s)${why}`,
    );
  }
}

function describe({ end, seed, check, sentence, uncaught }: HuntResult): string {
  if (uncaught !== undefined) return uncaught.sentence;
  return end === 'found' ? `seed ${seed}: ${check}: ${sentence}` : `${end} ${sentence ?? ''}`;
}
