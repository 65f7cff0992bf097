// The regression guard: whether throughput, as a share of the ceiling of the same run, has fallen below a baseline.

export interface Baseline {
  /** Best throughput of a few short rounds by their best ceiling, on a machine that does nothing else. */
  readonly ratioToCeiling: number;
  /** Share of it that may be lost before it counts as a regression. */
  readonly tolerance: number;
}

export interface GuardRound {
  readonly messagesPerSecond: number;
  readonly ceilingPerSecond: number | null;
  readonly otherCores: number | null;
}

export interface GuardVerdict {
  /** unknown: nothing can be said, because others kept the machine busy in every round. */
  readonly verdict: 'kept' | 'fallen' | 'unknown';
  readonly ratio: number;
  readonly least: number;
}

/** Above that, others decide who gets how much of a machine with two cores: the share of the ceiling means little. */
const MAX_OTHER_CORES = 0.5;

/** The best of each counts: noise makes a measurement slower, never faster, the ceiling's as well as the load's. */
export function judgeRatio(rounds: readonly GuardRound[], baseline: Baseline): GuardVerdict {
  const load = Math.max(0, ...rounds.map(({ messagesPerSecond }) => messagesPerSecond));
  const ceiling = Math.max(0, ...rounds.map(({ ceilingPerSecond }) => ceilingPerSecond ?? 0));
  if (ceiling === 0) throw new Error('no round has a ceiling, so there is nothing to compare with');
  const [ratio, least] = [load / ceiling, baseline.ratioToCeiling * (1 - baseline.tolerance)];
  if (ratio >= least) return { verdict: 'kept', ratio, least };
  const someQuiet = rounds.some(({ otherCores }) => (otherCores ?? 0) <= MAX_OTHER_CORES);
  return { verdict: someQuiet ? 'fallen' : 'unknown', ratio, least };
}
