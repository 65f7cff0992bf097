// The addresses with which a client starts: 'zhumq://host:port,host:port', 'host:port', or a list of such.
import { formatHostPort, parseHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import { invalidOption } from '../option-values.js';

const SCHEME = 'zhumq://';

/** Each address once. Throws INVALID_OPTION. */
export function parseBootstrap(bootstrap: string | readonly string[]): HostPort[] {
  const texts = (typeof bootstrap === 'string' ? [bootstrap] : bootstrap).flatMap((text) =>
    withoutScheme(text.trim()).split(','),
  );
  const addresses = new Map<string, HostPort>();
  for (const text of texts) {
    if (text.trim() === '') continue;
    const address = parseHostPort(text);
    if (address === undefined) {
      throw invalidOption('bootstrap', text, "addresses such as 'zhumq://host:9092,host:9093'");
    }
    addresses.set(formatHostPort(address), address);
  }
  if (addresses.size > 0) return [...addresses.values()];
  throw invalidOption('bootstrap', JSON.stringify(bootstrap), 'one address at least');
}

function withoutScheme(text: string): string {
  const bare = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  return bare.endsWith('/') ? bare.slice(0, -1) : bare;
}
