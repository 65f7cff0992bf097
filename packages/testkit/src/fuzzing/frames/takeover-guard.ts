// Nobody is authenticated on these ports (docs/operating.md): whoever speaks in the name of the cluster's zkserver, or of
// a broker's next life, is believed. Frames that would take the whole cluster over by that are not sent while the others
// must go on undisturbed; this names them. Orders about single topics never name those whose records are compared.
import { walkFrame } from './frame-walk.js';
import type { Vocabulary } from './vocabulary.js';

const ABOUT_REFS: ReadonlySet<string> = new Set(['replicaEnds', 'sealPartition', 'closePartition']);
const ENVELOPES: ReadonlySet<string> = new Set(['deliver', 'fetch', 'reportPositions']);
const FROM_BROKER = 2;
const INCARNATION = 3;
const CONTROLLER_EPOCH = 4;

export class TakeoverGuard {
  constructor(private readonly words: Vocabulary) {}

  /**
   * Whether a frame may be sent. Judged by its bytes first: the generated code reads items as what they should be, whatever
   * the frame says that they are, so that it may make sense of what makes no sense otherwise.
   */
  allows(frame: Buffer): boolean {
    const { clusterId, topicIds, controllerEpoch, brokers, incarnations } = this.words;
    const namesCluster = frame.includes(clusterId);
    if (frame.includes('reconcile')) return !namesCluster;
    const namesTopic = topicIds.some((id) => frame.includes(id));
    if (!namesCluster && !namesTopic) return true;
    const name = nameOf(frame);
    const isRef = ABOUT_REFS.has(name);
    if (!isRef && !ENVELOPES.has(name)) return true;
    const integers = walkFrame(frame)?.integers;
    if (integers === undefined) return false;
    const has = (id: number, isIt: (value: bigint) => boolean): boolean =>
      integers.some((one) => one.id === id && isIt(one.value));
    if (isRef) return !has(CONTROLLER_EPOCH, (epoch) => epoch > controllerEpoch);
    if (!has(FROM_BROKER, (value) => brokers.some((id) => BigInt(id) === value))) return true;
    if (name !== 'deliver') return false;
    const newest = BigInt(Math.min(...incarnations));
    return !has(INCARNATION, (incarnation) => incarnation > newest);
  }
}

const NAME_AT = 8;

function nameOf(frame: Buffer): string {
  if (frame.length < NAME_AT + 4) return '';
  const length = Math.max(0, Math.min(frame.readInt32BE(NAME_AT), frame.length));
  return frame.toString('latin1', NAME_AT + 4, NAME_AT + 4 + length);
}
