// Memory of a server that was started with collect-garbage.cjs.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.js';

/** Collections: the later ones free what the earlier ones have finalized. */
const ROUNDS = 6;

export interface MemoryInUse {
  /** Of the process, as the system sees it. */
  readonly residentBytes: number;
  /** On the heap and beside it; the rest was freed, or is the program itself. */
  readonly heldBytes: number;
}

export const COLLECTS_GARBAGE = [
  ...['--expose-gc', '--require', join(__dirname, 'collect-garbage.cjs')],
] as const;

/** To be made before the server starts, whose environment names the file. */
export class MemoryProbe {
  private readonly directory = mkdtempSync(join(tmpdir(), 'zhumq-memory-'));
  private readonly file = join(this.directory, 'held');

  constructor() {
    process.env.ZHUMQ_TEST_MEMORY = this.file;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** After collections of its garbage. */
  async measure(pid: number): Promise<MemoryInUse> {
    let heldBytes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      rmSync(this.file, { force: true });
      process.kill(pid, 'SIGUSR2');
      heldBytes = Number(
        await until('garbage is collected', () => readFileSync(this.file, 'utf8') || undefined),
      );
    }
    return { residentBytes: residentBytes(pid), heldBytes };
  }
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no resident memory`);
  return Number(kib) * 1024;
}
