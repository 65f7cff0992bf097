// The last desired state, in a file of the data directory: after a restart a broker knows its peers and groups even
// while no zkserver answers. A copy for convenience: when it is missing or damaged, the zkserver is waited for.
// Most states are written a little later, several as one: an election or the steps of a switch tell several states in a few
// milliseconds, while clients wait and every sync of the disk counts.
import { join } from 'node:path';
import type { Clock, Logger, Timer } from '@zhumq/base';
import { readSealedFile, replaceSmallFile, sealContent } from '@zhumq/log';
import type { FileSystem } from '@zhumq/log';
import type { DesiredState } from '@zhumq/rpc';

export class DesiredStateCache {
  private readonly path: string;
  private saved = '';
  private pending: DesiredState | undefined;
  private timer: Timer | undefined;
  private stopped = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly fileSystem: FileSystem,
    dataDirectory: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.path = join(dataDirectory, 'desired-state');
  }

  load(): DesiredState | undefined {
    try {
      const bytes = readSealedFile(this.fileSystem, this.path);
      if (bytes === undefined) return undefined;
      const { format, state } = JSON.parse(bytes.toString('utf8')) as {
        format: number;
        state: DesiredState;
      };
      return format === FORMAT ? state : undefined;
    } catch (error) {
      this.logger.warn(
        { err: error, file: this.path },
        'copy of the desired state is unreadable; waiting for a zkserver',
      );
      return undefined;
    }
  }

  /** In a while, with what comes until then. */
  saveLater(state: DesiredState): void {
    this.pending = state;
    if (this.stopped) return;
    this.timer ??= this.clock.after(GATHER_MS, () => void this.flush());
  }

  /** On disk when it resolves, or reported; what was to be saved later is older. */
  save(state: DesiredState): Promise<void> {
    this.pending = state;
    return this.flush();
  }

  /** Nothing is written any more, unless it is asked for. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    this.writing = this.writing.then(async () => {
      const state = this.pending;
      this.pending = undefined;
      if (state !== undefined) await this.write(state);
    });
    return this.writing;
  }

  private async write(state: DesiredState): Promise<void> {
    const { partitions, brokers, clusterId, controllerEpoch } = state;
    const content = JSON.stringify({ clusterId, controllerEpoch, partitions, brokers });
    if (content === this.saved) return;
    try {
      const bytes = Buffer.from(JSON.stringify({ format: FORMAT, state }));
      await replaceSmallFile(this.fileSystem, this.path, sealContent(bytes));
      this.saved = content;
    } catch (error) {
      this.logger.warn(
        { err: error, file: this.path },
        'could not keep a copy of the desired state',
      );
    }
  }
}

const FORMAT = 1;
const GATHER_MS = 200;
