// All groups of the cluster, gathered from the brokers that coordinate them: the leaders of the partitions of `__groups`.
// Each says for which of these partitions it answers, so that nothing goes missing without a word.
import { Deadline } from '@zhumq/base';
import { GROUPS_TOPIC, zhumqError } from '@zhumq/model';
import { groupClient } from '@zhumq/rpc';
import type { BrokerInfo, ClusterMetadata } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { GroupList, GroupListing } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError } from '../errors.js';
import { durationOption } from '../option-values.js';
import { retrying, withinSignal } from '../retry.js';
import type { RetryLimits } from '../retry.js';
import { stateOf } from './group-calls.js';

const TIMEOUT = '5s';
/** Longest time for one broker, so that others can be asked again. */
const BROKER_TIMEOUT_MS = 2_000;

export async function listGroups(cluster: Cluster, options: CallOptions): Promise<GroupList> {
  const { clock, random } = cluster.options;
  const deadline = Deadline.after(clock, durationOption('timeout', options.timeout, TIMEOUT));
  const { signal } = options;
  const failing = 'groups could not be listed';
  const gathering = new Gathering(cluster, { clock, random, deadline, signal, failing });
  return withinSignal(gathering.run(), signal);
}

class Gathering {
  private readonly groups = new Map<string, GroupListing>();
  private readonly listed = new Set<number>();
  /** By partition: why nobody answered for it in the last attempt. */
  private problems = new Map<number, string>();

  constructor(
    private readonly cluster: Cluster,
    private readonly limits: RetryLimits,
  ) {}

  /** Rejects when not even the partitions of `__groups` are known. */
  async run(): Promise<GroupList> {
    const { limits } = this;
    let isKnown = false;
    try {
      await retrying(async () => {
        await this.attempt();
        isKnown = true;
        if (this.problems.size > 0) throw zhumqError('LEADER_NOT_AVAILABLE', 'some are missing');
      }, limits);
    } catch (error) {
      if (!isKnown || limits.signal?.aborted === true) throw error;
    }
    const groups = [...this.groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
    const problems = [...this.problems].sort(([a], [b]) => a - b);
    return { groups, problems: problems.map(([, problem]) => problem) };
  }

  private async attempt(): Promise<void> {
    const metadata = await this.cluster.fetchMetadata([GROUPS_TOPIC]);
    this.problems = new Map();
    const leaders = this.missingByLeader(metadata);
    await Promise.all(
      [...leaders].map(([id, partitions]) => this.ask(id, partitions, metadata.brokers)),
    );
  }

  /** Without the topic there has never been a group. */
  private missingByLeader({ topics }: ClusterMetadata): Map<number, number[]> {
    const leaders = new Map<number, number[]>();
    const [topic] = topics.filter(({ name }) => name === GROUPS_TOPIC);
    for (const { partition, leader } of topic?.partitions ?? []) {
      if (this.listed.has(partition)) continue;
      if (leader < 0) this.missed(partition, 'it has no leader');
      else leaders.set(leader, [...(leaders.get(leader) ?? []), partition]);
    }
    return leaders;
  }

  private async ask(
    id: number,
    wanted: readonly number[],
    brokers: readonly BrokerInfo[],
  ): Promise<void> {
    const endpoint = brokers.find((broker) => broker.endpoint.id === id)?.endpoint;
    if (endpoint === undefined) {
      for (const one of wanted) this.missed(one, `broker ${id}, which leads it, is not registered`);
      return;
    }
    const { deadline, signal } = this.limits;
    const timeoutMs = Math.max(1, Math.min(BROKER_TIMEOUT_MS, deadline.remainingMs()));
    try {
      const client = groupClient(this.cluster.channel(endpoint));
      const { groups, partitions } = await client.listGroups({ timeoutMs, signal });
      for (const { state, ...one } of groups) {
        this.groups.set(one.group, { ...one, state: stateOf(state), coordinator: id });
      }
      const answered = new Set(partitions);
      for (const partition of partitions) this.listed.add(partition);
      for (const one of wanted.filter((partition) => !answered.has(partition))) {
        this.missed(one, `broker ${id} does not serve it at present`);
      }
    } catch (caught) {
      const error = asZhumqError(caught);
      this.cluster.callFailed(endpoint, error, 'call');
      for (const one of wanted) this.missed(one, `broker ${id}, which leads it: ${error.message}`);
    }
  }

  private missed(partition: number, why: string): void {
    const text = `groups of partition ${GROUPS_TOPIC}-${partition} may be missing: ${why}`;
    this.problems.set(partition, text);
  }
}
