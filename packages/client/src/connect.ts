// The way in.
import type { Client, ConnectOptions } from './api/client.js';
import { connectClient } from './client.js';

/**
 * Connects to a cluster by the addresses of any of its servers: 'zhumq://host:port,host:port', 'host:port', or a list.
 * Rejects with CONNECTION_REFUSED when none answered within `connectTimeout`; the error says why, for each address.
 */
export function connect(
  bootstrap: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  return connectClient(bootstrap, options);
}
