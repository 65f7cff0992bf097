// Who is to read what: sticky and balanced. What a member has it keeps, unless that leaves another one with two
// partitions less that could read one of them. So members with equal subscriptions differ by one partition at most; when
// one goes, only its partitions move; when one comes, only as many move as are its share.
// Deterministic: the same input gives the same assignment on every machine.
import type { PartitionKey } from './partition-set.js';
import { partitionKey } from './partition-set.js';

export interface AssignorInput {
  /** Topics by id. */
  readonly members: readonly { readonly memberId: string; readonly topics: readonly string[] }[];
  /** Number of partitions by topic id. */
  readonly topics: ReadonlyMap<string, number>;
  /** The last assignment. */
  readonly previous: ReadonlyMap<PartitionKey, string>;
  /** Who owns a partition now: to move one that has not arrived yet, or to where it still is, interrupts nobody. */
  readonly owners: ReadonlyMap<PartitionKey, string>;
}

interface Candidate {
  readonly memberId: string;
  /** What it has, by topic. */
  readonly has: Map<string, Set<PartitionKey>>;
  load: number;
}

interface Move {
  readonly from: Candidate;
  readonly to: Candidate;
  readonly topic: string;
  readonly partition: PartitionKey;
}

/** The partitions of each member; of topics without subscribers nobody has any. */
export function assign(input: AssignorInput): Map<string, Set<PartitionKey>> {
  const table = new AssignmentTable(input);
  table.keep();
  table.place();
  table.balance();
  return table.result();
}

class AssignmentTable {
  private readonly candidates: readonly Candidate[];
  /** By topic, in order of member ids; topics in order of ids. */
  private readonly subscribers = new Map<string, Candidate[]>();
  private readonly homeless: { topic: string; partition: PartitionKey }[] = [];

  constructor(private readonly input: AssignorInput) {
    const members = [...input.members].sort((one, other) =>
      one.memberId < other.memberId ? -1 : 1,
    );
    for (const topic of [...input.topics.keys()].sort()) this.subscribers.set(topic, []);
    this.candidates = members.map(({ memberId, topics }) => {
      const candidate: Candidate = { memberId, has: new Map(), load: 0 };
      for (const topic of new Set(topics)) this.subscribers.get(topic)?.push(candidate);
      return candidate;
    });
  }

  /** Everybody keeps what it had and still reads. */
  keep(): void {
    for (const [topic, subscribers] of this.subscribers) {
      if (subscribers.length === 0) continue;
      const byId = new Map(subscribers.map((one) => [one.memberId, one]));
      const partitions = this.input.topics.get(topic) as number;
      for (let number = 0; number < partitions; number += 1) {
        const partition = partitionKey(topic, number);
        const former = byId.get(this.input.previous.get(partition) ?? '');
        if (former === undefined) this.homeless.push({ topic, partition });
        else give(former, topic, partition);
      }
    }
  }

  /** What nobody has goes to whoever has least; first those that few can read. */
  place(): void {
    const choices = (topic: string): number => (this.subscribers.get(topic) as Candidate[]).length;
    this.homeless.sort((one, other) => choices(one.topic) - choices(other.topic));
    for (const { topic, partition } of this.homeless) {
      const owner = this.input.owners.get(partition);
      let best: Candidate | undefined;
      for (const one of this.subscribers.get(topic) as Candidate[]) {
        if (best === undefined || one.load < best.load) best = one;
        else if (one.load > best.load || best.memberId === owner) continue;
        else if (one.memberId === owner || count(one, topic) < count(best, topic)) best = one;
      }
      give(best as Candidate, topic, partition);
    }
  }

  /** Ends, because each move makes the sum of the squares of the loads smaller. */
  balance(): void {
    for (let move = this.nextMove(); move !== undefined; move = this.nextMove()) {
      const { from, to, topic, partition } = move;
      from.has.get(topic)?.delete(partition);
      from.load -= 1;
      give(to, topic, partition);
    }
  }

  result(): Map<string, Set<PartitionKey>> {
    return new Map(
      this.candidates.map(({ memberId, has }) => [
        memberId,
        new Set([...has.values()].flatMap((partitions) => [...partitions])),
      ]),
    );
  }

  private nextMove(): Move | undefined {
    const least = new Map<string, Candidate>();
    for (const [topic, subscribers] of this.subscribers) {
      for (const one of subscribers) {
        const best = least.get(topic);
        if (best === undefined || one.load < best.load) least.set(topic, one);
      }
    }
    const byLoad = [...this.candidates].sort((one, other) => other.load - one.load);
    const smallest = byLoad.at(-1)?.load ?? 0;
    for (const from of byLoad) {
      if (from.load - smallest < 2) return undefined;
      const move = this.bestMove(from, least);
      if (move !== undefined) return move;
    }
    return undefined;
  }

  /** To whom has least; of such moves one that interrupts nobody, then one that spreads the topic. */
  private bestMove(from: Candidate, least: ReadonlyMap<string, Candidate>): Move | undefined {
    let best: Move | undefined;
    let bestScore: readonly number[] = [];
    for (const [topic, partitions] of from.has) {
      const to = least.get(topic) as Candidate;
      if (partitions.size === 0 || from.load - to.load < 2) continue;
      const spread = partitions.size - count(to, topic);
      for (const partition of partitions) {
        const owner = this.input.owners.get(partition);
        const calm = owner === to.memberId ? 2 : owner === from.memberId ? 0 : 1;
        const score = [-to.load, calm, spread];
        if (best !== undefined && !isMore(score, bestScore)) continue;
        best = { from, to, topic, partition };
        bestScore = score;
      }
    }
    return best;
  }
}

function give(candidate: Candidate, topic: string, partition: PartitionKey): void {
  const partitions = candidate.has.get(topic);
  if (partitions === undefined) candidate.has.set(topic, new Set([partition]));
  else partitions.add(partition);
  candidate.load += 1;
}

function count({ has }: Candidate, topic: string): number {
  return has.get(topic)?.size ?? 0;
}

/** In order of places. */
function isMore(one: readonly number[], other: readonly number[]): boolean {
  for (let place = 0; place < one.length; place += 1) {
    if (one[place] !== other[place]) return one[place] > other[place];
  }
  return false;
}
