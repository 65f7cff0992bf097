// How much room is left, looked at now and then and never on the way of a message.
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { FileSystem } from '../file-system/file-system.js';

const CHECK_PERIOD_MS = 1000;

export interface DiskSpaceOptions {
  readonly path: string;
  readonly reserveBytes: number;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DiskSpace {
  /** As last seen. */
  freeBytes = Infinity;
  private timer: Timer | undefined;
  private checking: Promise<void> | undefined;

  constructor(private readonly options: DiskSpaceOptions) {}

  /** Less than the reserve is free: produce is refused, so that the broker itself can go on writing. */
  get full(): boolean {
    return this.freeBytes < this.options.reserveBytes;
  }

  async start(): Promise<void> {
    await this.check();
    this.timer = this.options.clock.every(CHECK_PERIOD_MS, () => void this.check());
  }

  stop(): void {
    this.timer?.cancel();
  }

  private check(): Promise<void> {
    this.checking ??= this.look().finally(() => (this.checking = undefined));
    return this.checking;
  }

  private async look(): Promise<void> {
    const { fileSystem, path, logger, reserveBytes } = this.options;
    const before = this.full;
    try {
      this.freeBytes = await fileSystem.freeBytes(path);
    } catch (error) {
      logger.warn({ err: error, path }, 'could not ask for the free disk space');
      return;
    }
    if (this.full === before) return;
    const { freeBytes } = this;
    if (this.full)
      logger.error({ freeBytes, reserveBytes }, 'the disk is full: records are refused');
    else logger.info({ freeBytes, reserveBytes }, 'the disk has room again: records are taken');
  }
}
