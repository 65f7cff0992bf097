// A listening socket: as much of a server of Node.js as packages/rpc uses.
import { EventEmitter } from 'node:events';
import type { Life } from './life.js';
import type { Machine } from './machine.js';
import type { Network } from './network.js';
import type { SimulatedSocket } from './socket.js';

export class SimulatedListener extends EventEmitter {
  private at: { readonly host: string; readonly port: number } | undefined;

  constructor(
    private readonly network: Network,
    readonly machine: Machine,
    readonly life: Life,
    readonly accepted: (socket: SimulatedSocket) => void,
  ) {
    super();
  }

  listen(port: number, host: string, onListening: () => void): void {
    const at = { host, port };
    this.network.scheduler.turn(this.life, () => {
      if (!this.network.listen(at, this)) {
        const error = new Error(`listen EADDRINUSE ${host}:${port}`);
        this.emit('error', Object.assign(error, { code: 'EADDRINUSE' }));
        return;
      }
      this.at = at;
      onListening();
    });
  }

  address(): { address: string; port: number } {
    return { address: this.at?.host ?? '', port: this.at?.port ?? 0 };
  }

  close(onClosed: () => void): void {
    if (this.at !== undefined) this.network.unlisten(this.at);
    this.at = undefined;
    this.network.scheduler.turn(this.life, onClosed);
  }
}
