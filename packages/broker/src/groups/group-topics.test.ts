import { ManualClock } from '@zhumq/base';
import type { ClusterMetadata, ZkServerClient } from '@zhumq/rpc';
import { GroupTopics } from './group-topics.js';

type Answer = (controllerEpoch: number, topicId: string) => void;

function start() {
  const clock = new ManualClock();
  const answers: Answer[] = [];
  const asked: (readonly string[] | undefined)[] = [];
  const zkServer = {
    metadata: (request: { readonly topics?: readonly string[] }) =>
      new Promise<ClusterMetadata>((resolve) => {
        asked.push(request.topics);
        answers.push((controllerEpoch, topicId) => {
          const topics = [{ name: 't', topicId, partitions: [] }];
          resolve({ topics, controllerEpoch } as unknown as ClusterMetadata);
        });
      }),
  } as unknown as ZkServerClient;
  const link = { callAny: <T>(call: (client: ZkServerClient) => Promise<T>) => call(zkServer) };
  return {
    clock,
    answers,
    asked,
    topics: new GroupTopics({ link, clock, inUse: () => new Set() }),
  };
}

describe('a topic that was created again', () => {
  test('is the new one, and the old identity has no name any more', async () => {
    const { answers, topics } = start();
    for (const topicId of ['old', 'new']) {
      const asked = topics.refresh(['t']);
      answers.shift()?.(1, topicId);
      await asked;
    }
    expect(topics.byName('t')?.topicId).toBe('new');
    expect([topics.nameOf('old'), topics.nameOf('new')]).toEqual([undefined, 't']);
  });

  test('does not become the old one by an answer that was overtaken', async () => {
    const { answers, topics } = start();
    const [first, second] = [topics.refresh(['t']), topics.refresh(['t'])];
    answers[1](1, 'new');
    await second;
    answers[0](1, 'old');
    await first;
    expect(topics.byName('t')?.topicId).toBe('new');
  });

  test('does not become the old one by what a deposed zkserver tells', async () => {
    const { answers, topics } = start();
    const asked = topics.refresh(['t']);
    answers[0](2, 'new');
    await asked;
    const late = topics.refresh(['t']);
    answers[1](1, 'old');
    await late;
    expect(topics.byName('t')?.topicId).toBe('new');
  });
});

test('all topics keep their names while what was asked of all is on its way into an answer', async () => {
  const { clock, answers, topics } = start();
  const asked = topics.prepareAll();
  answers[0](1, 'id');
  await asked;
  clock.advance(5_000);
  expect(topics.nameOf('id')).toBe('t');
  clock.advance(10_000);
  expect(topics.nameOf('id')).toBeUndefined();
});

test('what can not be the name of a topic is neither kept nor asked for, alone or with others', async () => {
  const { clock, answers, asked, topics } = start();
  await topics.prepare(['x'.repeat(1_000_000), '../t']);
  await topics.refresh(['a b']);
  const prepared = topics.prepare(['t', 'x'.repeat(1_000_000)]);
  answers[0](1, 'id');
  await prepared;
  clock.advance(3_000);
  expect(asked).toEqual([['t'], ['t']]);
});
