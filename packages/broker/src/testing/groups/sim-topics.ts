// The topics of a test: they grow, go, and come again under the same name with another identity.
import type { TopicLookup, TopicSeen } from '../../groups/decision.js';

export class SimTopics implements TopicLookup {
  private readonly topics = new Map<string, TopicSeen>();
  private created = 0;

  create(topic: string, partitions: number): TopicSeen {
    this.created += 1;
    const seen = { topicId: `${topic}#${this.created}`, partitions };
    this.topics.set(topic, seen);
    return seen;
  }

  grow(topic: string, partitions: number): void {
    const seen = this.topics.get(topic);
    if (seen !== undefined) this.topics.set(topic, { ...seen, partitions });
  }

  delete(topic: string): void {
    this.topics.delete(topic);
  }

  byName(topic: string): TopicSeen | undefined {
    return this.topics.get(topic);
  }

  nameOf(topicId: string): string | undefined {
    for (const [topic, seen] of this.topics) if (seen.topicId === topicId) return topic;
    return undefined;
  }

  names(): readonly string[] {
    return [...this.topics.keys()];
  }
}
