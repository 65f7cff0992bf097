// When positions are committed without being asked: every so often, and after so many messages.
import type { Clock, Timer } from '@zhumq/base';
import type { GroupSettings } from './group-settings.js';

export class CommitSchedule {
  private count = 0;
  private working = false;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly settings: GroupSettings,
    private readonly commit: () => Promise<void>,
  ) {}

  start(): void {
    if (!this.settings.autoCommit) return;
    this.timer ??= this.clock.every(this.settings.commitIntervalMs, () => this.run());
  }

  stop(): void {
    this.timer?.cancel();
  }

  handled(count: number): void {
    this.count += count;
    if (this.settings.autoCommit && this.count >= this.settings.commitEvery) this.run();
  }

  /** One at a time: what is handled meanwhile goes with the next one. */
  private run(): void {
    if (this.working) return;
    this.working = true;
    this.count = 0;
    void this.commit().finally(() => (this.working = false));
  }
}
