// Anomalies of consumer groups, put into a valid history.
import type { Anomaly } from '../violation.js';
import type { Injection } from './inject-values.js';
import type { Draft, Specimen } from './specimen.js';

export const GROUP_INJECTIONS = {
  'shared-ownership': (specimen) => {
    const assigns = specimen.of('assign');
    const index = assigns.findIndex(({ generation }) => generation !== undefined);
    if (index !== -1 && assigns.length > 1 && specimen.chance(0.5)) {
      const at = 1 + specimen.random.below(assigns.length - 1);
      assigns[at].generation = assigns[at - 1].generation;
      return true;
    }
    const isJudged = index !== -1 || specimen.isExact;
    const revokes = specimen.of('revoke').filter(({ lost }) => !lost);
    const pairs = revokes.flatMap((revoke) => {
      const line = specimen.lineOf(revoke);
      const next = assigns.find((assign) => specimen.lineOf(assign) > line);
      const isGivenUp = revokes.some(({ member }) => member === next?.member);
      return next !== undefined && (isJudged || isGivenUp) ? [{ revoke, next }] : [];
    });
    const found = specimen.pick(pairs);
    if (found === undefined) return false;
    specimen.remove(found.next);
    specimen.insertBefore(found.revoke, found.next);
    return true;
  },

  'zombie-commit': (specimen) => {
    const assigns = specimen.of('assign');
    const refused = specimen.of('commit').filter((commit) => {
      const own = assigns.findIndex(({ member }) => member === commit.member);
      const isKnown = specimen.isExact || assigns[own]?.generation !== undefined;
      return isKnown && assigns.slice(own + 1).some((assign) => isBefore(assign, commit));
    });
    const commit = specimen.pick(refused.filter(({ outcome }) => outcome === 'fail'));
    if (commit !== undefined) commit.outcome = 'ok';
    return commit !== undefined;
  },

  'commit-fell': (specimen) => {
    if (specimen.of('loss').length > 0 || specimen.of('reset').length > 0) return false;
    const commits = specimen.of('commit').filter(({ outcome }) => outcome === 'ok');
    const later = specimen.chance(0.5) ? specimen.of('position') : commits;
    const pairs = later.flatMap((move) =>
      commits
        .filter((commit) => commit.offset > 0 && specimen.lineOf(commit) < specimen.lineOf(move))
        .map((commit) => ({ move, commit })),
    );
    const found = specimen.pick(pairs);
    if (found === undefined) return false;
    found.move.offset = specimen.random.below(found.commit.offset);
    delete found.move.invokedAt;
    return true;
  },

  'unmade-commit': (specimen) => {
    const position = specimen.pick(specimen.of('position'));
    if (position !== undefined) position.offset = 100_000;
    return position !== undefined;
  },

  'undelivered-commit': (specimen) => {
    if (!specimen.isWhole || specimen.of('reset').length > 0) return false;
    const given = specimen.reads().filter(({ poll }) => poll.group !== undefined);
    const least = Math.min(...given.map(({ offset }) => offset));
    const committed = highestCommit(specimen);
    const hidden = specimen.pick(
      given.filter(({ offset }) => offset > least && offset < committed),
    );
    if (hidden === undefined) return false;
    for (const poll of specimen.of('poll'))
      if (poll.group !== undefined)
        specimen.setRecords(
          poll,
          poll.records.filter(([offset]) => offset !== hidden.offset),
        );
    return true;
  },
} as const satisfies Partial<Record<Anomaly, Injection>>;

function isBefore(assign: Draft<'assign'>, commit: Draft<'commit'>): boolean {
  return assign.member !== commit.member && assign.at < (commit.invokedAt ?? commit.at);
}

function highestCommit(specimen: Specimen): number {
  const commits = specimen.of('commit').filter(({ outcome }) => outcome === 'ok');
  return Math.max(-1, ...commits.map(({ offset }) => offset));
}
