// One random history of a group: members that are slow, crash, pause for longer than their sessions and go on; messages
// that are late, lost, doubled; coordinators that are deposed without knowing it; topics that grow, go and come again.
import { SeededRandom, assert } from '@zhumq/base';
import type { StateRecord } from '../../state-machine/state-machine.js';
import type { Moment } from '../../groups/decision.js';
import { dropTopics, topicIdsOf } from '../../groups/group-admin.js';
import type { HeartbeatRequest } from '../../groups/heartbeat.js';
import type { CommitRequest, CommitResult } from '../../groups/positions.js';
import { GroupsChecker } from './groups-checker.js';
import { SETTINGS, memberIdOf } from './lone-coordinator.js';
import { RIGHT_WAYS, SimCoordinator } from './sim-coordinator.js';
import type { Request, Round, Ways } from './sim-coordinator.js';
import { SimMember } from './sim-member.js';
import { SimTopics } from './sim-topics.js';

const BROKERS = 3;
const TOPICS = ['a', 'b'];

export class SimGroups {
  readonly checker = new GroupsChecker();
  readonly topics = new SimTopics();
  members: SimMember[] = [];
  /** How often what was refused; elections. */
  readonly refusals = new Map<string, number>();
  elections = 0;
  private readonly random: SeededRandom;
  private readonly brokers: SimCoordinator[];
  private readonly log: StateRecord[] = [];
  private readonly rounds: { broker: SimCoordinator; round: Round }[] = [];
  private network: (() => void)[] = [];
  private readonly late: (() => void)[] = [];
  private leader: SimCoordinator;
  private term = 0;
  private now = 1_000_000;
  private joined = 0;
  private readonly dropped = new Set<string>();

  constructor(seed: number, ways: Ways = RIGHT_WAYS) {
    this.random = new SeededRandom(seed);
    this.brokers = Array.from({ length: BROKERS }, () => new SimCoordinator(ways));
    this.leader = this.brokers[0];
    for (const topic of TOPICS) this.topics.create(topic, 1 + this.below(6));
    this.elect();
    for (let count = 0; count < 2 + this.below(3); count += 1) this.start();
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) this.happen();
    this.recover();
  }

  private happen(): void {
    const dice = this.below(1_000);
    const member = this.members[this.below(this.members.length)];
    if (dice < 350) this.deliverAny();
    else if (dice < 480) this.commitRound();
    else if (dice < 640) this.beat(member);
    else if (dice < 660) this.deliverLate();
    else if (dice < 740) this.finish(member);
    else if (dice < 860) this.commit(member);
    else if (dice < 920) this.pass(this.below(900));
    else if (dice < 935) this.network.splice(this.below(this.network.length + 1), 1);
    else if (dice < 945) this.pauseOrResume(member);
    else if (dice < 950) this.start();
    else if (dice < 956) this.crash(member);
    else if (dice < 961) this.leave(member);
    else if (dice < 972) this.elect();
    else if (dice < 984) this.resignOne();
    else if (dice < 987) this.grow();
    else if (dice < 988) this.recreate();
    else if (dice < 990) this.subscribe(member);
    else this.pass(3_000);
    for (const broker of this.brokers) this.work(broker);
  }

  /** Nothing fails any more: every partition must get one reader that knows it, evenly. */
  private recover(): void {
    for (const member of this.members)
      if (member.condition === 'paused') member.condition = 'running';
    if (this.members.every(({ condition }) => condition === 'dead')) this.start();
    this.elect();
    for (const broker of this.brokers) if (broker !== this.leader) broker.resign();
    for (let turn = 0; turn < 200; turn += 1) {
      for (const member of this.members) {
        this.beat(member);
        while (member.condition === 'running' && turn % 3 === 0 && this.finish(member));
      }
      do {
        while (this.network.length > 0) this.network.shift()?.();
        this.work(this.leader);
        while (this.rounds.length > 0) this.commitRound();
      } while (this.network.length > 0);
      this.pass(300);
    }
    this.checkCalm();
  }

  private checkCalm(): void {
    const alive = this.members.filter(({ condition }) => condition === 'running');
    const readers = new Map<string, SimMember>();
    for (const member of alive) {
      for (const partition of member.reading) {
        assert(!readers.has(partition), `${partition} has two readers in the calm`);
        readers.set(partition, member);
      }
    }
    for (const topic of this.topics.names()) {
      if (!alive.some(({ topics }) => topics.includes(topic))) continue;
      const { partitions = 0 } = this.topics.byName(topic) ?? {};
      for (let number = 0; number < partitions; number += 1) {
        assert(readers.has(`${topic}/${number}`), `${topic}/${number} has no reader in the calm`);
      }
    }
    for (const one of alive) {
      const equals = alive.filter(({ topics }) => topics.join() === one.topics.join());
      const loads = equals.map(({ reading }) => reading.size);
      assert(Math.max(...loads) - Math.min(...loads) <= 1, `unequal loads ${loads.join()}`);
    }
    assert(this.checker.group?.members.size === alive.length, 'somebody is a member who is gone');
  }

  private moment(broker: SimCoordinator): Moment {
    const { now, topics } = this;
    return { now, term: broker.term, topics, settings: SETTINGS };
  }

  private work(broker: SimCoordinator): void {
    const round = broker.work(this.moment(broker));
    if (round !== undefined) this.rounds.push({ broker, round });
  }

  /** Raft commits in the order of proposals, and nothing of a leader whose term is over. */
  private commitRound(): void {
    const next = this.rounds.shift();
    if (next === undefined || next.round.term !== this.term) return;
    const { broker, round } = next;
    for (const { request, answer } of round.outcomes) request.committing?.(answer);
    this.log.push(...round.records);
    this.checker.apply(round.records, this.members);
    broker.committed(round);
  }

  private elect(): void {
    // What the old leader proposed may be committed by the new one, or not.
    while (this.rounds.length > 0 && this.below(2) === 0) this.commitRound();
    this.rounds.length = 0;
    this.term += 1;
    this.elections += 1;
    this.leader = this.brokers[this.below(BROKERS)];
    this.leader.lead(this.term, this.log);
    const known = this.checker.group === undefined ? [] : topicIdsOf(this.checker.group);
    const gone = [...known].filter((topicId) => this.topics.nameOf(topicId) === undefined);
    if (gone.length > 0) this.drop(gone);
  }

  private resignOne(): void {
    const broker = this.brokers[this.below(BROKERS)];
    if (broker !== this.leader) broker.resign();
  }

  private pass(ms: number): void {
    // Sessions are looked at several times a second, whatever happens.
    for (let left = ms; left > 0; left -= 250) {
      this.now += Math.min(left, 250);
      for (const broker of this.brokers) broker.look(this.now);
    }
  }

  private beat(member: SimMember): void {
    if (member.condition !== 'running') return;
    // Mostly waits for an answer; in the end takes it for lost.
    if (member.waitsFor > 0 && this.below(4) > 0) return;
    const { request, number } = member.beat();
    this.sendHeartbeat(request, (outcome) => {
      this.network.push(() => {
        member.hear(number, outcome);
        this.checker.checkBelief(member);
      });
    });
  }

  private sendHeartbeat(request: HeartbeatRequest, tell: Request['tell']): void {
    this.send(request.memberId, {
      decide: (draft, moment, ways) => ways.heartbeat(draft, request, moment),
      tell: (outcome) => {
        this.count(outcome);
        tell(outcome);
      },
    });
  }

  private commit(member: SimMember): void {
    if (member.condition !== 'running') return;
    const strange = this.below(20) === 0 ? `a/${this.below(3)}` : undefined;
    const request = member.commit((limit) => this.below(limit), strange);
    if (request !== undefined) this.sendCommit(request);
  }

  private sendCommit(request: CommitRequest): void {
    this.send('', {
      decide: (draft, moment, ways) => ways.commitPositions(draft, request, moment),
      committing: (answer) => {
        const [{ error }] = answer as readonly CommitResult[];
        if (error === undefined) this.checker.checkCommit(request);
      },
      tell: (outcome) => {
        const failed = 'answer' in outcome && (outcome.answer as readonly CommitResult[])[0].error;
        this.count(failed instanceof Error ? { error: failed } : outcome);
      },
    });
  }

  /** Mostly to the leader; once in a while to another broker, or once more, much later. */
  private send(memberId: string, request: Request): void {
    const broker = this.below(8) === 0 ? this.brokers[this.below(BROKERS)] : this.leader;
    const arrive = (): void => broker.receive(request, memberId, this.now);
    this.network.push(arrive);
    if (this.below(15) === 0) this.late.push(arrive);
  }

  private deliverAny(): void {
    if (this.network.length === 0) return;
    const place = this.below(10) < 7 ? 0 : this.below(this.network.length);
    const [deliver] = this.network.splice(place, 1);
    deliver();
  }

  private deliverLate(): void {
    this.late.splice(this.below(this.late.length + 1), 1)[0]?.();
  }

  private finish(member: SimMember): boolean {
    const before = member.reading.size;
    if (member.condition === 'running') member.finish();
    return member.reading.size < before;
  }

  private start(): void {
    if (this.members.filter(({ condition }) => condition !== 'dead').length > 6) return;
    const instanceId = this.below(3) === 0 ? `i${this.below(3)}` : '';
    const topics = this.below(4) === 0 ? [TOPICS[this.below(2)]] : TOPICS;
    // Long enough for the calm: there, nobody is silent for so long.
    this.add(instanceId, topics, 3_000 + this.below(4) * 2_000);
  }

  private crash(member: SimMember): void {
    member.condition = 'dead';
    const { instanceId, topics, sessionTimeoutMs } = member;
    if (this.below(2) === 0) this.add(instanceId, topics, sessionTimeoutMs);
    this.bury();
  }

  private add(instanceId: string, topics: readonly string[], sessionTimeoutMs: number): void {
    const newId = (): string => {
      this.joined += 1;
      const memberId = memberIdOf(this.joined);
      this.checker.lives.add(memberId);
      return memberId;
    };
    this.members.push(new SimMember(newId, instanceId, topics, sessionTimeoutMs));
  }

  private leave(member: SimMember): void {
    if (member.condition !== 'running') return;
    this.sendHeartbeat(member.leave(), () => undefined);
    this.bury();
  }

  private bury(): void {
    this.members = this.members.filter(({ condition }) => condition !== 'dead');
    while (this.members.length < 2) this.start();
  }

  private pauseOrResume(member: SimMember): void {
    if (member.condition === 'dead') return;
    member.condition = member.condition === 'paused' ? 'running' : 'paused';
  }

  private subscribe(member: SimMember): void {
    member.topics = this.below(2) === 0 ? TOPICS : [TOPICS[this.below(2)]];
  }

  private grow(): void {
    const topic = TOPICS[this.below(2)];
    this.topics.grow(topic, (this.topics.byName(topic)?.partitions ?? 0) + 1);
  }

  private recreate(): void {
    const topic = TOPICS[this.below(2)];
    const old = this.topics.byName(topic);
    this.topics.create(topic, 1 + this.below(6));
    if (old !== undefined) this.drop([old.topicId]);
  }

  private drop(topicIds: readonly string[]): void {
    for (const topicId of topicIds) this.dropped.add(topicId);
    const decide: Request['decide'] = (draft, moment) => dropTopics(draft, this.dropped, moment);
    this.leader.receive({ decide, tell: () => undefined }, '', this.now);
  }

  private count(outcome: { answer: unknown } | { error: unknown }): void {
    if (!('error' in outcome)) return;
    const { error } = outcome;
    const code = error instanceof Error ? ((error as { code?: string }).code ?? '') : String(error);
    if (code === '') throw error;
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  private below(limit: number): number {
    return this.random.below(limit);
  }
}
