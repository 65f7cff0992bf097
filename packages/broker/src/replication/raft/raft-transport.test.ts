import { ManualClock, silentLogger } from '@zhumq/base';
import type { Message } from '@zhumq/raft';
import type { RpcChannel } from '@zhumq/rpc';
import { RaftTransport } from './raft-transport.js';

const group = { topicId: '7'.repeat(32), partition: 0, generation: 1 };
const vote = (to: string): Message => ({ type: 'timeoutNow', from: 'a', to, term: 1 });

function transport(maxBytes = 1000) {
  const sent: string[] = [];
  const subject = new RaftTransport({
    brokerId: 1,
    incarnation: 1,
    clusterId: () => 'c',
    maxBufferedBytes: maxBytes,
    maxEnvelopeBytes: maxBytes,
    connect: ({ host }) => {
      const send = (_method: unknown, values: readonly { messages: readonly unknown[] }[]) => {
        if (host === 'broken') throw new Error('the frame is too large');
        sent.push(`${host} ${values[0].messages.length}`);
        return true;
      };
      const channel = { bufferedBytes: 0, send, close: () => sent.push(`${host} closed`) };
      return channel as unknown as RpcChannel;
    },
    schedule: () => undefined,
    probeMs: 500,
    clock: new ManualClock(0),
    logger: silentLogger,
  });
  const address = (brokerId: number, host: string) => ({ brokerId, host, port: 1 });
  subject.setPeers([address(2, 'broken'), address(3, 'whole')]);
  subject.setReplicas(
    new Map([
      ['b', 2],
      ['c', 3],
    ]),
  );
  return { subject, sent, address };
}

test('all messages of a turn to one broker leave together', () => {
  const { subject, sent } = transport();
  for (let at = 0; at < 3; at++) expect(subject.send(group, vote('c'))).toBe(true);
  subject.flush();
  expect(sent).toEqual(['whole 3']);
});

test('an envelope has no more messages than its receiver reads at once', () => {
  const { subject, sent } = transport(2 ** 30);
  for (let at = 0; at < 12_000; at++) subject.send(group, vote('c'));
  subject.flush();
  expect(sent).toEqual(['whole 5000', 'whole 5000', 'whole 2000']);
});

test('what one peer can not be sent does not keep the others from getting theirs', () => {
  const { subject, sent } = transport();
  subject.send(group, vote('b'));
  subject.send(group, vote('c'));
  subject.flush();
  expect(sent).toEqual(['whole 1']);
});

test('a message without room or address is refused', () => {
  const { subject } = transport();
  expect(subject.send(group, vote('nobody'))).toBe(false);
  const results = Array.from({ length: 5 }, () => subject.send(group, vote('c')));
  expect(results).toEqual([true, true, true, false, false]);
});

test('a broker that moved is connected to anew', () => {
  const { subject, sent, address } = transport();
  subject.setPeers([address(2, 'broken'), address(3, 'moved')]);
  subject.send(group, vote('c'));
  subject.flush();
  expect(sent).toEqual(['whole closed', 'moved 1']);
});

test('a broker and a replica that are not named any more are forgotten', () => {
  const { subject, sent, address } = transport();
  subject.setPeers([address(2, 'broken')]);
  expect(sent).toEqual(['whole closed']);
  expect([subject.send(group, vote('c')), subject.send(group, vote('b'))]).toEqual([false, true]);
  subject.setReplicas(new Map([['c', 3]]));
  expect([subject.brokerOf('b'), subject.brokerOf('c')]).toEqual([undefined, 3]);
});
