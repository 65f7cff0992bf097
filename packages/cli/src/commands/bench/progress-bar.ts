// How far a benchmark is: a bar on a terminal, elsewhere one line for each phase.
import { note } from '../../output.js';

const CELLS = 24;

export class ProgressBar {
  private phase = '';
  private shown = false;
  private readonly onTerminal = process.stderr.isTTY;

  show(phase: string, share: number): void {
    if (this.onTerminal) {
      const full = Math.round(Math.min(1, Math.max(0, share)) * CELLS);
      const bar = '█'.repeat(full) + '░'.repeat(CELLS - full);
      process.stderr.write(`\r\x1b[K${bar} ${Math.round(share * 100)} % ${phase}`);
      this.shown = true;
    } else if (phase !== this.phase) note(`zhumq bench: ${phase} ...`);
    this.phase = phase;
  }

  end(): void {
    if (this.shown) process.stderr.write('\r\x1b[K');
    this.shown = false;
  }
}
