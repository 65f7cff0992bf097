// When each member was last heard of: the one thing about groups that is not in the log (rule 20). A coordinator that has
// just come into office heard of nobody, and gives everybody a whole session timeout.
import type { Group } from './group.js';

/** Between two looks at the sessions; one that is this late heard nobody because it did not listen. */
export const LATEST_LOOK_MS = 1_000;

export class Sessions {
  private heard = new Map<string, Map<string, number>>();
  private lastLookAt: number | undefined;

  /** A heartbeat arrived: to be told at once, also when the answer has to wait. Times are of a monotonic clock. */
  hear(group: string, memberId: string, now: number): void {
    // Before the first look it is from here on that this listens.
    this.lastLookAt ??= now;
    this.membersOf(this.heard, group).set(memberId, now);
  }

  /** The members whose sessions have timed out, by group. To be called more often than every LATEST_LOOK_MS. */
  expired(groups: Iterable<Group>, now: number): Map<string, readonly string[]> {
    const { lastLookAt = now } = this;
    // This process stood still: what members sent meanwhile may still wait in the sockets.
    if (now - lastLookAt > LATEST_LOOK_MS) this.heard.clear();
    this.lastLookAt = now;
    const expired = new Map<string, readonly string[]>();
    const heard = new Map<string, Map<string, number>>();
    for (const { name, members } of groups) {
      const gone: string[] = [];
      for (const { memberId, sessionTimeoutMs } of members.values()) {
        // Who was never heard of has joined, or was a member before this coordinator: it counts from now.
        const heardAt = this.heard.get(name)?.get(memberId) ?? now;
        this.membersOf(heard, name).set(memberId, heardAt);
        if (now - heardAt >= sessionTimeoutMs) gone.push(memberId);
      }
      if (gone.length > 0) expired.set(name, gone);
    }
    this.heard = heard;
    return expired;
  }

  /** Whether the session of a member is still over: to be asked again just before it is taken for gone. */
  isExpired(group: Group, memberId: string, now: number): boolean {
    const heardAt = this.heard.get(group.name)?.get(memberId);
    const member = group.members.get(memberId);
    if (member === undefined || heardAt === undefined) return false;
    return now - heardAt >= member.sessionTimeoutMs;
  }

  private membersOf(heard: Map<string, Map<string, number>>, group: string): Map<string, number> {
    let members = heard.get(group);
    if (members === undefined) heard.set(group, (members = new Map<string, number>()));
    return members;
  }
}
