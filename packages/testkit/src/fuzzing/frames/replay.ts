// What a violation leaves behind: the bytes, and the identities of the cluster that they name, so that they can be said to
// another cluster in its own words.
import { readFileSync } from 'node:fs';
import type { FramesCommand } from './command.js';
import { LiveCluster } from './live-cluster.js';
import type { TargetKind } from './live-server.js';
import { confirm, sendAlone } from './suspects.js';
import type { Vocabulary } from './vocabulary.js';

interface ReplayFile {
  readonly target: TargetKind;
  readonly identities: readonly string[];
  readonly hex: string;
}

export function writeReplay(target: TargetKind, words: Vocabulary, bytes: Buffer): string {
  const file: ReplayFile = { target, identities: identitiesOf(words), hex: bytes.toString('hex') };
  return `${JSON.stringify(file)}\n`;
}

/** Resolves with what the bytes did; a violation is a sentence. */
export async function replay(
  command: FramesCommand,
  path: string,
): Promise<{ readonly violations: string[]; readonly worstMs: number }> {
  const file = JSON.parse(readFileSync(path, 'utf8')) as ReplayFile;
  const { brokers, zkservers, brokerPreloads } = command;
  const withStore = file.target === 'store';
  const cluster = await LiveCluster.start({ brokers, zkservers, withStore, brokerPreloads });
  try {
    const identities = identitiesOf(await cluster.vocabulary());
    const bytes = Buffer.from(file.hex, 'hex');
    file.identities.forEach((old, index) => replaceAll(bytes, old, identities[index] ?? old));
    const [server] = cluster.of(file.target);
    await server.report();
    await sendAlone(server.port, bytes);
    const report = await server.report();
    if (!server.runs) return { violations: [`crash: ${server.end}`], worstMs: 0 };
    const stall = await confirm(server, bytes);
    const violations = stall === undefined ? [] : [`stall: ${stall.ms.toFixed(1)} ms`];
    return { violations, worstMs: report?.worstMs ?? Infinity };
  } finally {
    await cluster.destroy(command.keep);
  }
}

const identitiesOf = ({ clusterId, topicIds, replicaIds, directoryIds }: Vocabulary): string[] => [
  ...[clusterId, ...topicIds, ...replicaIds, ...directoryIds],
];

/** Identities are of one length. */
function replaceAll(bytes: Buffer, old: string, now: string): void {
  for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + old.length))
    bytes.write(now, at);
}
