// What frames are made: all methods, the same for the same seed, nothing that names what must not be touched, and read by
// the product as the fuzzer expects.
import { SeededRandom } from '@zhumq/base';
import { MalformedMessage } from '../../../../rpc/src/wire/bad-message.js';
import { MessageReader, TYPE } from '../../../../rpc/src/wire/message-reader.js';
import { ArgumentMaker } from './argument-maker.js';
import { readContracts } from './contract.js';
import { FrameMaker, READING_METHODS } from './frame-maker.js';
import type { Frame } from './frame-maker.js';
import { walkFrame } from './frame-walk.js';
import { CONTRACTS } from './live-cluster.js';
import { TakeoverGuard } from './takeover-guard.js';
import type { Vocabulary } from './vocabulary.js';
import { KIND, frameOf } from './wire-value.js';

const id = (digit: string): string => digit.repeat(32);
const WORDS: Vocabulary = {
  ...{ clusterId: id('c'), controllerEpoch: 3, brokers: [1, 2, 3], incarnations: [7, 8, 9] },
  addresses: [{ host: '127.0.0.1', port: 9640 }],
  ...{ topics: ['prey-raft'], topicIds: [id('a')], replicaIds: [id('b')], directoryIds: [id('d')] },
  ...{ shortLivedTopics: ['brief-1'], groups: ['pack-1'] },
  ...{ checkedTopics: ['ledger-raft'], checkedIdentities: [id('e')] },
};
const contracts = readContracts(CONTRACTS);
const FOR_SERVERS: ReadonlySet<string> = new Set(['BrokerService', 'RaftService']);

function frames(seed: number, count: number): Frame[] {
  const served = contracts.filter(({ service }) => service !== 'StoreService');
  const strange = contracts.filter(({ service }) => service === 'StoreService');
  const maker = new FrameMaker(new SeededRandom(seed), served, strange, WORDS);
  return Array.from({ length: count }, () => maker.next());
}

test('every method comes round, in every manner; the same seed gives the same frames', () => {
  const made = frames(1, 12_000);
  const methods = new Set(made.map(({ method }) => method));
  expect(contracts.map(({ name }) => name).filter((name) => !methods.has(name))).toEqual([]);
  expect(new Set(made.map(({ recipe }) => recipe)).size).toBe(10);
  const again = frames(1, 500);
  expect(again.map(({ bytes }) => bytes.toString('hex'))).toEqual(
    made.slice(0, 500).map(({ bytes }) => bytes.toString('hex')),
  );
});

test('topics that are compared at the end are named by calls that read, and their identities by none', () => {
  for (const { bytes, method } of frames(2, 8_000)) {
    expect(bytes.includes(id('e'))).toBe(false);
    if (bytes.includes('ledger-raft')) expect(READING_METHODS).toContain(method);
  }
});

test('what is said to be a message is one for the product, and what is not, is not', () => {
  const reader = new MessageReader();
  const isRead = (bytes: Buffer): boolean => {
    try {
      reader.begin(bytes.subarray(4));
      reader.skip(TYPE.STRUCT);
      reader.end();
      return true;
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      return false;
    }
  };
  const wrong = frames(3, 8_000)
    .filter(({ recipe }) => recipe !== 'wrong length' && recipe !== 'noise')
    .filter(({ bytes }) => isRead(bytes) !== (walkFrame(bytes) !== undefined));
  expect(wrong.map(({ bytes }) => bytes.toString('hex', 0, 200))).toEqual([]);
});

describe('Nobody takes the cluster over by', () => {
  const guard = new TakeoverGuard(WORDS);
  const sent = (name: string, words: Partial<Vocabulary>): Buffer[] => {
    const method = contracts.find((one) => one.name === name && FOR_SERVERS.has(one.service));
    if (method === undefined) throw new Error(`no method ${name}`);
    const maker = new ArgumentMaker(new SeededRandom(4), { ...WORDS, ...words });
    return Array.from({ length: 200 }, () =>
      frameOf({
        kind: method.oneway ? KIND.ONEWAY : KIND.CALL,
        name: Buffer.from(name),
        ...{ sequenceId: 1, body: maker.arguments(method, 0) },
      }),
    );
  };

  test('a state of everything in the name of the cluster, also where types of items lie', () => {
    const strange = sent('reconcile', {});
    expect(strange.every((frame) => guard.allows(frame))).toBe(true);
    for (const frame of strange) {
      const taking = Buffer.from(
        frame.toString('latin1').replaceAll('f0'.repeat(16), WORDS.clusterId),
        'latin1',
      );
      taking[taking.length - 6] ^= 0x08;
      expect(guard.allows(taking)).toBe(false);
    }
  });

  test('the next life of a broker', () => {
    const real = sent('deliver', { incarnations: [10] }).filter((frame) => guard.allows(frame));
    // Those of a broker that does not exist.
    expect(real.length).toBeGreaterThan(0);
    expect(real.length).toBeLessThan(100);
    expect(sent('deliver', { incarnations: [7] }).every((frame) => guard.allows(frame))).toBe(true);
  });

  test('a later zkserver', () => {
    const later = sent('sealPartition', { controllerEpoch: 4 });
    expect(later.filter((frame) => guard.allows(frame))).toEqual([]);
    expect(sent('sealPartition', {}).every((frame) => guard.allows(frame))).toBe(true);
  });
});
