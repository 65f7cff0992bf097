// The program behind npm run fuzz.
import { fuzz } from './command.js';

void fuzz(process.argv.slice(2), (line) => void process.stdout.write(`${line}\n`)).then((code) => {
  process.exitCode = code;
});
