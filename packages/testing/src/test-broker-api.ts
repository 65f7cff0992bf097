// What a test gets from startTestBroker(): types only.
import type { LogLevel } from '@zhumq/base';
import type { Client, ConnectOptions, CreateTopic, TopicDescription } from '@zhumq/client';

/** What topics have that do not say otherwise. */
export type TopicDefaults = Pick<CreateTopic, 'partitions' | 'replicas' | 'mode' | 'config'>;

export interface TestBrokerOptions {
  /** 1 by default, at most 9. More than one when the code under test looks at replicas or leaders. */
  readonly brokers?: number;
  /** Made before the start resolves. */
  readonly topics?: readonly (string | CreateTopic)[];
  /** For `topics` and `createTopic` of the test broker; what a client's admin() makes is as anywhere. */
  readonly topicDefaults?: TopicDefaults;
  /** Keeps the data here, and goes on with what is there. Default: a temporary folder, removed at the end. */
  readonly directory?: string;
  /** Least severity that the servers log, on standard error; 'silent' by default. */
  readonly log?: LogLevel;
}

/** Brokers and a zkserver in this process, with the sockets and files of a real cluster. */
export interface TestBroker extends AsyncDisposable {
  /** For connect(): the addresses of the brokers, on loopback. */
  readonly bootstrap: string;
  /** Where the data is. */
  readonly directory: string;
  /** Connected; closed by `stop` if not before. */
  client(options?: ConnectOptions): Promise<Client>;
  /** Resolves when every partition has a leader. A topic of that name that exists is TOPIC_EXISTS. */
  createTopic(topic: string | CreateTopic): Promise<TopicDescription>;
  /**
   * Stops all servers and starts them again on their ports, with their data: clients reconnect. `whileDown` runs in
   * between; what it throws is thrown when the servers are back.
   */
  restart(whileDown?: () => unknown): Promise<void>;
  /** Closes the clients, stops the servers, removes a temporary folder. Rejects when a broker had failed meanwhile. */
  stop(): Promise<void>;
}
