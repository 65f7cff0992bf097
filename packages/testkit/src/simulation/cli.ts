// The program behind npm run sim.
import { main } from './main.js';
import { runInProcesses } from './seed-runs.js';

const output = { write: (line: string): void => void process.stdout.write(`${line}\n`) };
void main(process.argv.slice(2), output, runInProcesses).then((code) => {
  process.exitCode = code;
});
