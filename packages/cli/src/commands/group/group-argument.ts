// The name of a group, as argument or flag, checked before anything is asked of a server.
import { groupNameFault } from '@zhumq/model';
import { textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { UsageError } from '../../exit-codes.js';

export const GROUP_POSITIONAL = { group: { describe: 'Name of the group' } } as const;

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
  const fault = groupNameFault(group);
  if (fault === undefined) return group;
  throw new UsageError(`${JSON.stringify(group)} can not be a group's name: ${fault}`);
}
