// The program behind npm run faults.
import { parseCommand } from './command.js';
import type { FaultsCommand } from './command.js';
import { isInside, isolatingCommand, runInside } from './isolation.js';
import { appendToLedger, formatReport } from './report.js';
import { makeRunFolder } from './run-folder.js';
import { runFaults } from './run.js';

const EXIT_NOT_CLEAN = 1;
const EXIT_USAGE = 2;
/** Made outside, where pids mean what they say. */
const FOLDER = 'ZHUMQ_FAULTS_FOLDER';

async function main(args: readonly string[]): Promise<number> {
  let command: FaultsCommand;
  try {
    command = parseCommand(args);
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
    return EXIT_USAGE;
  }
  if (!isInside()) {
    const isolating = isolatingCommand();
    if (command.network === 'namespaces' && isolating === undefined) {
      process.stdout.write('--network namespaces: this user or machine can not make any\n');
      return EXIT_USAGE;
    }
    process.env[FOLDER] = makeRunFolder(process.pid);
    if (isolating !== undefined) return runInside(isolating, args);
  }
  const folder = process.env[FOLDER];
  if (folder === undefined) throw new Error(`${FOLDER} is not set`);
  const report = await runFaults(command, folder, tell);
  const nemeses = command.nemeses.filter((name) => !report.leftOut.includes(name));
  if (command.ledger !== undefined) appendToLedger(command.ledger, report, nemeses.join(' '));
  process.stdout.write(`${command.json ? JSON.stringify(report) : formatReport(report)}\n`);
  return report.verdict === 'clean' ? 0 : EXIT_NOT_CLEAN;
}

const startedAt = performance.now();

/** Grey on a terminal only. */
function tell(line: string): void {
  const time = `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s `;
  process.stdout.write(
    process.stdout.isTTY ? `\x1b[2m${time}\x1b[0m${line}\n` : `${time}${line}\n`,
  );
}

// Sockets of clients that were cut off may linger: nobody waits for them.
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(EXIT_NOT_CLEAN);
  },
);
