// The program behind npm run disk-faults.
import { diskFaults } from './command.js';

void diskFaults(process.argv.slice(2), (line) => void process.stdout.write(`${line}\n`)).then(
  (code) => {
    process.exitCode = code;
  },
);
