// The last desired state, in a file of the data directory: after a restart a broker knows its peers and groups even
// while no zkserver answers. A copy for convenience: when it is missing or damaged, the zkserver is waited for.
import { join } from 'node:path';
import type { Logger } from '@zhumq/base';
import { readSealedFile, replaceSmallFile, sealContent } from '@zhumq/log';
import type { FileSystem } from '@zhumq/log';
import type { DesiredState } from '@zhumq/rpc';

export class DesiredStateCache {
  private readonly path: string;
  private saved = '';

  constructor(
    private readonly fileSystem: FileSystem,
    dataDirectory: string,
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

  async save(state: DesiredState): Promise<void> {
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
