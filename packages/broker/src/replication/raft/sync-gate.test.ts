import type { HardState, Message } from '@zhumq/raft';
import { SyncGate } from './sync-gate.js';

const state = (term: number): HardState => ({ term, vote: 'a', tainted: false });
const reply = (term: number): Message => ({
  type: 'voteReply',
  from: 'a',
  to: 'b',
  term,
  granted: true,
});

function gate() {
  const sent: number[] = [];
  return { sent, gate: new SyncGate((message) => sent.push(message.term)) };
}

describe('SyncGate', () => {
  test('a vote leaves at once when nothing waits for the disk', () => {
    const { sent, gate: subject } = gate();
    subject.hold(reply(4));
    expect(sent).toEqual([4]);
  });

  test('a vote is held until its hard state is on disk', () => {
    const { sent, gate: subject } = gate();
    subject.saved(7, state(5));
    subject.hold(reply(5));
    expect(sent).toEqual([]);
    expect(subject.durable(6)).toBeUndefined();
    expect(sent).toEqual([]);
    expect(subject.durable(7)).toEqual(state(5));
    expect(sent).toEqual([5]);
  });

  test('one sync that covers several hard states tells of the newest and releases all votes in order', () => {
    const { sent, gate: subject } = gate();
    subject.saved(1, state(5));
    subject.hold(reply(5));
    subject.saved(2, state(6));
    subject.hold(reply(6));
    subject.saved(3, state(7));
    subject.hold(reply(7));
    expect(subject.durable(2)).toEqual(state(6));
    expect(sent).toEqual([5, 6]);
    subject.durable(3);
    expect(sent).toEqual([5, 6, 7]);
  });

  test('after the replica failed nothing leaves any more', () => {
    const { sent, gate: subject } = gate();
    subject.saved(1, state(5));
    subject.hold(reply(5));
    subject.close();
    subject.durable(1);
    subject.hold(reply(5));
    expect(sent).toEqual([]);
  });
});
