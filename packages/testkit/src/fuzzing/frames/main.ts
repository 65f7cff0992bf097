// The verb `frames` of npm run fuzz.
import { runCampaign, runRogueCampaign } from './campaign.js';
import { parseFramesCommand } from './command.js';
import type { FramesCommand } from './command.js';
import { replay } from './replay.js';

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;

/** Resolves with the exit code. */
export async function fuzzFrames(
  args: readonly string[],
  write: (line: string) => void,
): Promise<number> {
  let command: FramesCommand;
  try {
    command = parseFramesCommand(args);
  } catch (error) {
    write((error as Error).message);
    return EXIT_USAGE;
  }
  const result = await run(command, write);
  for (const violation of result.violations) write(`VIOLATION ${violation}`);
  if (result.violations.length > 0 && command.replay === undefined) {
    const { seed, count, target } = command;
    write(`again: npm run fuzz -- frames --seed ${seed} --count ${count} --target ${target}`);
  }
  write(command.json ? JSON.stringify(result) : JSON.stringify(result, undefined, 2));
  return result.violations.length > 0 ? EXIT_VIOLATIONS : 0;
}

function run(
  command: FramesCommand,
  write: (line: string) => void,
): Promise<{ readonly violations: readonly string[] }> {
  if (command.replay !== undefined) return replay(command, command.replay);
  return command.target === 'client' ? runRogueCampaign(command) : runCampaign(command, write);
}
