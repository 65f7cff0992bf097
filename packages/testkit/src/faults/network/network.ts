// What a run needs of a network between its nodes: addresses, ways to start a process on a node, and one-way cuts. Two
// forms: namespaces.ts, and proxies.ts where namespaces can not be made.

/** zookeeper-1, zkserver-1, broker-1, … and the node of the clients. */
export type NodeName = string;

/** The node where producers and consumers run. */
export const CLIENTS = 'clients';

export interface Endpoint {
  /** HOST:PORT where the server listens. */
  readonly listen: string;
  /** HOST:PORT under which others are told to find it. */
  readonly advertise: string;
}

export interface Network {
  readonly kind: 'namespaces' | 'proxies';
  /** Adds a node with a server; `ports`: how many it listens on. */
  addNode(name: NodeName, ports: number): Promise<readonly Endpoint[]>;
  /** The command that runs another command on a node. */
  commandOn(name: NodeName, command: readonly string[]): readonly string[];
  /** From now on nothing of `from` arrives at `to`. What is on its way is held back, as TCP would. */
  cut(from: NodeName, to: NodeName): Promise<void>;
  /** Delays what goes to a node, and breaks some of its connections; 0 ends that. Proxies only. */
  slow(to: NodeName, delayMs: number, breakProbability: number): void;
  /** Ends all cuts. */
  heal(): Promise<void>;
  close(): Promise<void>;
}
