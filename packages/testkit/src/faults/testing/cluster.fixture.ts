// A cluster that only has names, on a network that writes down what is cut.
import type { Network } from '../network/network.js';
import type { ProcessCluster } from '../processes/process-cluster.js';

const named = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);

export interface PlannedOn {
  readonly cluster: ProcessCluster;
  /** As "from>to". */
  readonly cuts: Set<string>;
}

export function clusterOf(brokerCount: number): PlannedOn {
  const cuts = new Set<string>();
  const network: Partial<Network> = {
    kind: 'namespaces',
    cut: (from, to) => Promise.resolve(void cuts.add(`${from}>${to}`)),
    heal: () => Promise.resolve(cuts.clear()),
  };
  const zookeepers = named('zookeeper', 3);
  const zkservers = named('zkserver', 2);
  const brokers = named('broker', brokerCount);
  const nodes = [...zookeepers, ...zkservers, ...brokers];
  const cluster = { network, zookeepers, zkservers, brokers, nodes, dataFolder: () => '/nowhere' };
  return { cluster: cluster as unknown as ProcessCluster, cuts };
}
