// Network addresses as people write them: `broker-1:9092`, `[::1]:9092`.

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Undefined when the text is no address; without a port only when `defaultPort` says which. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  return port === undefined || port > 65_535 ? undefined : { host: match[1] ?? match[2], port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
