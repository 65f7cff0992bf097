import { ManualClock } from '@zhumq/base';
import type { ClusterMetadata, ZkServerClient } from '@zhumq/rpc';
import { DeletedTopics } from './deleted-topics.js';

/** A zkserver that lists topics by identity, or does not answer. */
class World {
  readonly clock = new ManualClock();
  listed: readonly string[] | undefined = [];
  answering = 1;
  served = 1;
  kept = new Set(['t']);
  readonly topics: DeletedTopics;

  constructor() {
    const zkServer = { metadata: () => this.metadata() } as unknown as ZkServerClient;
    this.topics = new DeletedTopics({
      clock: this.clock,
      link: { callActiveWithin: (_ms, call) => call(zkServer) },
      kept: () => this.kept,
      tombstones: () => ['told'],
      controllerEpoch: () => this.served,
      stopping: new AbortController().signal,
    });
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10_000) {
      this.clock.advance(10_000);
      await new Promise(setImmediate);
    }
  }

  get gone(): string[] {
    return [...this.topics.identities()].filter((topicId) => topicId !== 'told');
  }

  private metadata(): Promise<ClusterMetadata> {
    if (this.listed === undefined) return Promise.reject(new Error('no answer'));
    const topics = this.listed.map((topicId) => ({ topicId }));
    const answer = { topics, controllerEpoch: this.answering };
    return Promise.resolve(answer as unknown as ClusterMetadata);
  }
}

describe('a topic of which groups keep something', () => {
  test('is deleted for certain when it is listed by nobody for a minute', async () => {
    const world = new World();
    expect([...world.topics.identities()]).toEqual(['told']);
    await world.pass(60_000);
    expect(world.gone).toEqual([]);
    await world.pass(60_000);
    expect(world.gone).toEqual(['t']);
  });

  test('is there as long as it is listed, and the minute begins anew after that', async () => {
    const world = new World();
    await world.pass(60_000);
    world.listed = ['t'];
    await world.pass(120_000);
    expect(world.gone).toEqual([]);
    world.listed = [];
    await world.pass(60_000);
    expect(world.gone).toEqual([]);
  });

  test('is not taken for deleted because nobody answers, or only a zkserver that was deposed', async () => {
    const world = new World();
    world.listed = undefined;
    await world.pass(300_000);
    expect(world.gone).toEqual([]);
    world.listed = [];
    world.served = 2;
    await world.pass(300_000);
    expect(world.gone).toEqual([]);
    world.answering = 2;
    await world.pass(120_000);
    expect(world.gone).toEqual(['t']);
  });
});
