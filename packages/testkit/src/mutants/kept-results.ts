// What runs that were made one after the other came to: a file with a line of JSON for each mutant that was tried, so that
// a run that ended early goes on where it was. A result is of one definition of its mutant, and of one commit, which it
// names; where that is another than today's, it says so wherever it is shown.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { MutantResult } from './campaign.js';
import { editsOf } from './mutant.js';
import type { Mutant } from './mutant.js';

export interface KeptResult extends MutantResult {
  readonly commit: string;
  /** Of the edits and the hunt. */
  readonly definition: string;
}

export class KeptResults {
  /** The last one of each mutant, but one that killed it stays. */
  private readonly results = new Map<string, KeptResult>();

  /** A file that is not there yet holds nothing. Throws where it holds something else than results. */
  constructor(
    private readonly path: string,
    private readonly commit: string,
  ) {
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line.trim() === '') continue;
      const result = JSON.parse(line) as KeptResult;
      const before = this.results.get(result.id);
      const isBetter = before?.outcome !== 'killed' || before.definition !== result.definition;
      if (isBetter) this.results.set(result.id, result);
    }
  }

  /** What came of it, as it is defined now. */
  of(mutant: Mutant): KeptResult | undefined {
    const kept = this.results.get(mutant.id);
    return kept?.definition === definitionOf(mutant) ? kept : undefined;
  }

  add(mutant: Mutant, result: MutantResult): KeptResult {
    const kept = { ...result, commit: this.commit, definition: definitionOf(mutant) };
    appendFileSync(this.path, `${JSON.stringify(kept)}\n`);
    return kept;
  }
}

/** What is said of it may change. */
function definitionOf(mutant: Mutant): string {
  const edits = editsOf(mutant).map(({ file, find, replace }) => ({ file, find, replace }));
  const text = JSON.stringify([edits, mutant.run]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
