// One channel for each address, shared by everybody in a process who calls it.
import type { HostPort } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { RpcChannel } from './channel.js';
import type { ChannelOptions } from './channel.js';

export class ChannelPool {
  private readonly channels = new Map<string, RpcChannel>();
  private closed = false;

  constructor(private readonly options: Omit<ChannelOptions, 'host' | 'port'> = {}) {}

  /** The channel to an address; throws CLOSED. */
  channel({ host, port }: HostPort): RpcChannel {
    if (this.closed) throw zhumqError('CLOSED', 'the connections of this program were closed');
    const key = `${host} ${port}`;
    let channel = this.channels.get(key);
    if (channel === undefined) {
      channel = new RpcChannel({ ...this.options, host, port });
      this.channels.set(key, channel);
    }
    return channel;
  }

  /** Closes and forgets the channel to an address that is not needed any more. */
  drop({ host, port }: HostPort): void {
    const key = `${host} ${port}`;
    this.channels.get(key)?.close();
    this.channels.delete(key);
  }

  /** The orderly end of all channels; rejects with what the first one rejects with, after all have ended. */
  async end(withinMs: number): Promise<void> {
    this.closed = true;
    const channels = [...this.channels.values()];
    const ends = await Promise.allSettled(channels.map((channel) => channel.end(withinMs)));
    this.channels.clear();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Closes all channels; their pending calls are settled. */
  close(): void {
    this.closed = true;
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
  }
}
