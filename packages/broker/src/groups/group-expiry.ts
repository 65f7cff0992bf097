// What ends by itself at a coordinator: sessions of members that are silent, groups that nobody uses, positions of topics
// that were deleted.
import { ZhumqError } from '@zhumq/base';
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { GroupSettings } from './decision.js';
import { dropTopics, expireGroup, topicIdsOf } from './group-admin.js';
import type { Group } from './group.js';
import type { Decision } from './group-queue.js';
import type { GroupsState } from './groups-state.js';
import { expireMembers } from './heartbeat.js';
import { LATEST_LOOK_MS } from './sessions.js';
import type { Sessions } from './sessions.js';

/** A partition of `__groups` that is served here. */
export interface Office {
  readonly partition: number;
  readonly state: GroupsState;
  readonly sessions: Sessions;
}

export interface GroupExpiryOptions {
  readonly settings: GroupSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly offices: () => readonly Office[];
  readonly deletedTopics: () => ReadonlySet<string>;
  readonly decide: (partition: number, group: string, decision: Decision<void>) => Promise<void>;
}

export class GroupExpiry {
  private readonly timers: readonly Timer[];
  /** Groups about which a decision waits. */
  private readonly busy = new Set<string>();

  constructor(private readonly options: GroupExpiryOptions) {
    const { clock } = options;
    this.timers = [
      clock.every(LATEST_LOOK_MS / 4, () => this.lookAtSessions()),
      clock.every(LOOK_AT_GROUPS_MS, () => this.lookAtGroups()),
    ];
  }

  close(): void {
    for (const timer of this.timers) timer.cancel();
  }

  private lookAtSessions(): void {
    const { clock, offices } = this.options;
    for (const { partition, state, sessions } of offices()) {
      for (const [group, memberIds] of sessions.expired(state.all(), clock.monotonicMs())) {
        this.decide(partition, group, (draft, moment) => {
          const known = state.get(group);
          const now = clock.monotonicMs();
          // One of them may have been heard of while this waited.
          const gone = memberIds.filter(
            (memberId) => known !== undefined && sessions.isExpired(known, memberId, now),
          );
          expireMembers(draft, gone, moment);
          if (gone.length > 0) {
            this.options.logger.info({ group, members: gone }, 'sessions of members timed out');
          }
        });
      }
    }
  }

  private lookAtGroups(): void {
    const { offices, deletedTopics, clock, settings } = this.options;
    const deleted = deletedTopics();
    for (const { partition, state } of offices()) {
      for (const group of state.all()) {
        const isUnused =
          isEmpty(group) && clock.wallMs() - emptySince(group) >= settings.retentionMs;
        if (isUnused) {
          this.decide(partition, group.name, (draft, moment) => void expireGroup(draft, moment));
          continue;
        }
        const gone = new Set([...topicIdsOf(group)].filter((topicId) => deleted.has(topicId)));
        if (gone.size === 0) continue;
        this.decide(partition, group.name, (draft, moment) => dropTopics(draft, gone, moment));
      }
    }
  }

  /** What can not be done now is found again at the next look. */
  private decide(partition: number, group: string, decision: Decision<void>): void {
    if (this.busy.has(group)) return;
    this.busy.add(group);
    this.options
      .decide(partition, group, decision)
      .catch((error: unknown) => {
        const { logger } = this.options;
        if (ZhumqError.is(error) && error.retriable) {
          logger.debug({ err: error, group }, 'group could not be looked after');
        } else logger.error({ err: error, group }, 'group could not be looked after');
      })
      .finally(() => this.busy.delete(group));
  }
}

const LOOK_AT_GROUPS_MS = 5_000;

function isEmpty({ head, members }: Group): boolean {
  return head !== undefined && members.size === 0;
}

function emptySince({ head }: Group): number {
  return head?.emptySince ?? Infinity;
}
