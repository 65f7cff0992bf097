// The program behind npm run sim.
import { main } from './main.js';

void main(process.argv.slice(2), {
  write: (line) => void process.stdout.write(`${line}\n`),
}).then((code) => {
  process.exitCode = code;
});
