// The name of a group, as argument or flag, checked before anything is asked of a server.
import { textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { UsageError } from '../../exit-codes.js';

export const GROUP_POSITIONAL = { group: { describe: 'Name of the group' } } as const;

const MAX_CHARACTERS = 255;

/** Throws UsageError. */
export function groupOf(flags: Flags): string {
  return checked(textOf(flags, 'group') ?? '');
}

/** Undefined when no --group was given. Throws UsageError. */
export function optionalGroup(flags: Flags): string | undefined {
  const group = textOf(flags, 'group');
  return group === undefined ? undefined : checked(group);
}

function checked(group: string): string {
  const fault =
    group === ''
      ? 'it is empty'
      : group.length > MAX_CHARACTERS
        ? `it has ${group.length} characters, more than ${MAX_CHARACTERS}`
        : /\p{Cc}/u.test(group)
          ? 'it has a control character'
          : undefined;
  if (fault === undefined) return group;
  throw new UsageError(`${JSON.stringify(group)} can not be a group's name: ${fault}`);
}
