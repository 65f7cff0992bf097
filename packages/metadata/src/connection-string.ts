// LIST[/chroot]: `zk1:2181,zk2:2181,[::1]:2181/zhumq`. The library's own parser takes no IPv6 and reads a bad port as
// one; its chroot support is not used either (it can not create a chroot of several parts), so both are parsed here.
import { parseHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { checkPath } from './request-checks.js';

export interface Ensemble {
  readonly servers: readonly HostPort[];
  /** Empty, or a path that is put before every path. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/** Throws INVALID_OPTION with the part that is wrong. */
export function parseConnectionString(text: string): Ensemble {
  const slash = text.indexOf('/');
  const list = slash === -1 ? text : text.slice(0, slash);
  const chroot = slash === -1 ? '' : text.slice(slash);
  const servers = list.split(',').map((part) => parseServer(part, text));
  if (chroot === '' || chroot === '/') return { servers, chroot: '' };
  try {
    checkPath(chroot);
  } catch (error) {
    throw invalid(text, `the chroot "${chroot}" is no path`, error);
  }
  return { servers, chroot };
}

function parseServer(part: string, text: string): HostPort {
  const server = parseHostPort(part, DEFAULT_PORT);
  if (server === undefined || server.port === 0) {
    throw invalid(text, `"${part}" is no host:port (IPv6 as [::1]:2181)`);
  }
  return server;
}

function invalid(text: string, why: string, cause?: unknown): Error {
  const message = `ZooKeeper connection string "${text}": ${why}`;
  return zhumqError('INVALID_OPTION', message, { value: text }, cause);
}
