// The client library under attack: rogue servers answer a program that uses it, and the program is watched as servers are.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '@zhumq/base';
import { readContracts } from './contract.js';
import { CONTRACTS } from './live-cluster.js';
import { LiveServer } from './live-server.js';
import { RogueServers } from './rogue-server.js';
import { ServerHealth } from './server-health.js';
import type { HealthReport } from './server-health.js';

export interface RogueReport {
  readonly frames: number;
  readonly health: HealthReport;
}

const SAMPLE_MS = 100;
const PATIENCE_MS = 60_000;

/** Resolves when so many frames were sent to it, or when it has ended. */
export async function attackClient(seed: number, count: number): Promise<RogueReport> {
  let frames = 0;
  const random = new SeededRandom(seed * 31 + 7);
  const onFrame = (): void => void (frames += 1);
  const rogues = new RogueServers({ contracts: readContracts(CONTRACTS), random, onFrame });
  await rogues.listen();
  const directory = mkdtempSync(join(tmpdir(), 'zhumq-fuzz-client-'));
  const victim = new LiveServer({
    ...{ name: 'client', kind: 'client', logFile: join(directory, 'client.log') },
    args: [join(__dirname, 'rogue-victim.js'), rogues.bootstrap],
  });
  try {
    await victim.start();
    const health = await ServerHealth.begin(victim, 0);
    let lastFrames = -1;
    let lastMs = performance.now();
    while (frames < count && victim.runs) {
      health.sample();
      if (frames !== lastFrames) lastMs = performance.now();
      else if (performance.now() - lastMs > PATIENCE_MS) break;
      lastFrames = frames;
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
    const report = await health.end();
    const stuck = frames < count && victim.runs;
    const violations = stuck ? ['hang: the client asks nothing any more'] : [];
    return { frames, health: { ...report, violations: [...report.violations, ...violations] } };
  } finally {
    await victim.stop();
    await rogues.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
