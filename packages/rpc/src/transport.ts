// How connections are made, from both ends: the seam for TLS and for the simulator. TCP where it is absent.
import type { Server, Socket } from 'node:net';
import type { HostPort } from '@zhumq/base';

export interface Transport {
  /** Makes the socket of a caller. */
  readonly socketFactory: (address: HostPort) => Socket;
  /** Makes the listening server. */
  readonly listenerFactory: (onSocket: (socket: Socket) => void) => Server;
}
