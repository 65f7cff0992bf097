// A coordinator whose every proposal is committed at once, and members that do at once what they are told: to walk through
// decisions one by one.
import type { GroupEpoch } from '@zhumq/model';
import type { StateRecord } from '../../state-machine/state-machine.js';
import type { GroupSettings, Moment, NamedPartition } from '../../groups/decision.js';
import { GroupDraft } from '../../groups/group-draft.js';
import type { Group } from '../../groups/group.js';
import { GroupsState } from '../../groups/groups-state.js';
import { heartbeat } from '../../groups/heartbeat.js';
import type { HeartbeatAnswer, HeartbeatRequest } from '../../groups/heartbeat.js';
import { commitPositions } from '../../groups/positions.js';
import type { CommitResult, NamedPosition } from '../../groups/positions.js';
import { SimTopics } from './sim-topics.js';

export const SETTINGS: GroupSettings = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 600_000,
  heartbeatIntervalMs: 3_000,
  assigningIntervalMs: 200,
  maxMembers: 1_000,
  retentionMs: 7 * 86_400_000,
};

export class LoneCoordinator {
  readonly topics = new SimTopics();
  readonly log: StateRecord[] = [];
  state = new GroupsState();
  term = 1;
  now = 1_700_000_000_000;
  settings = SETTINGS;
  private joined = 0;

  get moment(): Moment {
    const { now, term, topics, settings } = this;
    return { now, term, topics, settings };
  }

  /** Decides, commits, applies. */
  decide<T>(name: string, decision: (draft: GroupDraft, moment: Moment) => T): T {
    const draft = new GroupDraft(name, this.state.get(name));
    const answer = decision(draft, this.moment);
    for (const record of draft.records()) {
      this.log.push(record);
      this.state.apply(record);
    }
    return answer;
  }

  newMemberId(): string {
    this.joined += 1;
    return memberIdOf(this.joined);
  }

  /** Another coordinator, which knows nothing but the log. */
  succeed(): void {
    this.term += 1;
    this.state = new GroupsState();
    for (const record of this.log) this.state.apply(record);
  }

  group(name = 'g'): Group {
    const group = this.state.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    return group;
  }

  /** A member that has joined. */
  join(topics: readonly string[], about: Partial<HeartbeatRequest> = {}): LoneMember {
    const member = new LoneMember(this, topics, about);
    member.beat();
    return member;
  }

  /** Every member in turn, until nothing changes any more. */
  calm(...members: readonly LoneMember[]): void {
    for (let before = -1; before !== this.log.length;) {
      before = this.log.length;
      for (const member of members) member.beat();
    }
  }
}

/** What nobody can guess is as long; here it need not be so. */
export function memberIdOf(number: number): string {
  return `m${number}${'-'.repeat(22)}`;
}

export class LoneMember {
  readonly memberId: string;
  epoch: GroupEpoch | undefined;
  reading: readonly NamedPartition[] = [];

  constructor(
    private readonly coordinator: LoneCoordinator,
    private readonly topics: readonly string[],
    private readonly about: Partial<HeartbeatRequest>,
    private readonly group = 'g',
  ) {
    this.memberId = coordinator.newMemberId();
  }

  /** `<topic>/<partition>` of what it reads. */
  get partitions(): readonly string[] {
    return this.reading.map(({ topic, partition }) => `${topic}/${partition}`);
  }

  request(changes: Partial<HeartbeatRequest> = {}): HeartbeatRequest {
    return {
      memberId: this.memberId,
      memberEpoch: this.epoch,
      instanceId: '',
      clientId: 'test',
      host: '127.0.0.1',
      topics: this.topics,
      sessionTimeoutMs: 10_000,
      owned: this.reading,
      leaving: false,
      ...this.about,
      ...changes,
    };
  }

  /** A heartbeat whose answer arrives. */
  beat(changes: Partial<HeartbeatRequest> = {}): HeartbeatAnswer {
    const answer = this.send(changes);
    this.epoch = answer.memberEpoch;
    this.reading = answer.assigned;
    return answer;
  }

  /** A heartbeat whose answer is lost. */
  send(changes: Partial<HeartbeatRequest> = {}): HeartbeatAnswer {
    const request = this.request(changes);
    return this.coordinator.decide(this.group, (draft, moment) =>
      heartbeat(draft, request, moment),
    );
  }

  commit(topic: string, partition: number, offset: number, lastEpoch = 1): CommitResult {
    const position: NamedPosition = { topic, partition, offset, lastEpoch, metadata: '' };
    const [result] = this.commitAll([position]);
    return result;
  }

  commitAll(positions: readonly NamedPosition[]): readonly CommitResult[] {
    const { memberId, epoch: memberEpoch = { term: 0, counter: 0 } } = this;
    return this.coordinator.decide(this.group, (draft, moment) =>
      commitPositions(draft, { memberId, memberEpoch, positions }, moment),
    );
  }
}
