// The steps of a switch of modes as they pass on the wire: which message begins a step, and how its answer is known.
// Messages of ZooKeeper's protocol and of framed Thrift both begin with their length.
import type { Matcher } from './step-proxy.js';

const MULTI = 14;
const CALL = 0x8001_0001;
const REPLY = 0x8001_0002;

export type StepName = 'intent' | 'seal' | 'phase close' | 'close' | 'publish' | 'reconcile';

export const STEPS = {
  fetch: ['intent', 'seal', 'phase close', 'close', 'publish', 'reconcile'],
  raft: ['intent', 'seal', 'publish', 'reconcile'],
} as const satisfies Record<string, readonly StepName[]>;

/** The matcher of one step of one switch; to be made anew for each switch. */
export function stepMatcher(step: StepName, topic: string): Matcher {
  const path = Buffer.from(`/topics/${topic}/partitions/0`);
  switch (step) {
    case 'intent':
      return zooKeeperWrite((frame) => frame.includes(path) && phaseOf(frame) === 'seal');
    case 'phase close':
      return zooKeeperWrite((frame) => frame.includes(path) && phaseOf(frame) === 'close');
    case 'publish':
      return zooKeeperWrite(publishOf(path));
    case 'seal':
      return thriftCall('sealPartition', () => true);
    case 'close':
      return thriftCall('closePartition', () => true);
    case 'reconcile': {
      const isPublish = publishOf(path);
      const isTold = thriftCall('reconcile', (frame) => frame.includes(Buffer.from(topic)));
      let published = false;
      return (bytes, proxy) => {
        published ||= framesOf(bytes).some((frame) => isMulti(frame) && isPublish(frame));
        return published ? isTold(bytes, proxy) : undefined;
      };
    }
  }
}

/** The first write of the partition's record without a transition, after one with. */
function publishOf(path: Buffer): (frame: Buffer) => boolean {
  let begun = false;
  return (frame) => {
    if (!frame.includes(path)) return false;
    const isUnderWay = phaseOf(frame) !== undefined;
    begun ||= isUnderWay;
    return begun && !isUnderWay;
  };
}

/** Field 3 of Transition (state.proto) as it stands in the record. */
function phaseOf(frame: Buffer): string | undefined {
  return ['seal', 'close', 'abort'].find((phase) =>
    frame.includes(Buffer.concat([Buffer.from([0x1a, phase.length]), Buffer.from(phase)])),
  );
}

function zooKeeperWrite(matches: (frame: Buffer) => boolean): Matcher {
  return (bytes) => {
    const frame = framesOf(bytes).find((one) => isMulti(one) && matches(one));
    if (frame === undefined) return undefined;
    const xid = frame.readInt32BE(0);
    return (answer) =>
      framesOf(answer).some((one) => one.length >= 4 && one.readInt32BE(0) === xid);
  };
}

function thriftCall(method: string, matches: (frame: Buffer) => boolean): Matcher {
  return (bytes) => {
    const found = framesOf(bytes).some((one) => isThrift(one, CALL, method) && matches(one));
    if (!found) return undefined;
    return (answer) => framesOf(answer).some((one) => isThrift(one, REPLY, method));
  };
}

function isMulti(frame: Buffer): boolean {
  return frame.length >= 8 && frame.readInt32BE(4) === MULTI;
}

function isThrift(frame: Buffer, kind: number, method: string): boolean {
  return (
    frame.length >= 8 + method.length &&
    frame.readUInt32BE(0) === kind &&
    frame.toString('latin1', 8, 8 + frame.readInt32BE(4)) === method
  );
}

/** The messages of a piece, without their lengths; a last one that is not whole counts, too. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}
