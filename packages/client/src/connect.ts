// The way in: reads the addresses, reaches one server, gives the client.
import { zhumqError } from '@zhumq/model';
import type { Client, ConnectOptions } from './api/client.js';

/**
 * Connects to a cluster by the addresses of any of its servers: 'zhumq://host:port,host:port', 'host:port', or a list.
 * Rejects with CONNECTION_REFUSED when none answered within `connectTimeout`; the error says why, for each address.
 */
export function connect(
  _bootstrap: string | readonly string[],
  _options: ConnectOptions = {},
): Promise<Client> {
  return Promise.reject(zhumqError('UNSUPPORTED', 'connect() is being written'));
}
