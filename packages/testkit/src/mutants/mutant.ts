// A bug that somebody could have written, as data: what is changed in the product, and in which runs it must be found.

export interface Edit {
  /** From the root of the tree. */
  readonly file: string;
  /** Stands exactly once in that file. */
  readonly find: string;
  readonly replace: string;
}

export interface Hunt {
  /** One that `npm run sim -- --scenario list` names. */
  readonly scenario: string;
  /** The first one; `seeds` of them are tried, one after the other. */
  readonly seed: number;
  readonly seeds: number;
  /** Simulated time with faults, per seed; without: as long as the scenario says. */
  readonly durationMs?: number;
}

export type Mutant = {
  readonly id: string;
  /** One sentence: what is broken. */
  readonly says: string;
  /** The rule that it breaks, and where that is written. */
  readonly source: string;
  readonly run: Hunt;
} & (Edit | { readonly edits: readonly Edit[] });

/** A known pitfall, and the mutants that fall into it. */
export interface PitfallRow {
  readonly id: string;
  readonly about: string;
  /** Ids; none where `why` says why there can be none. */
  readonly mutants: readonly string[];
  readonly why?: string;
}

export function editsOf(mutant: Mutant): readonly Edit[] {
  return 'edits' in mutant ? mutant.edits : [mutant];
}

/** The text with the edit made; throws where the snippet does not stand exactly once. */
export function applyEdit(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  const count = parts.length - 1;
  throw new Error(
    `${file} holds ${count} times what is to be replaced, and it must be once: ${find}`,
  );
}
