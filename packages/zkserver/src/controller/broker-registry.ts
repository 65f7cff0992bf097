// Writes down every broker that was seen, and finds the replicas that a broker lost with its disk.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { knownBrokerCodec } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';
import { brokerOf, partitionsOf, topicsOf } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { Write } from './decision.js';
import { inMultis } from './multi-chunks.js';

/** Other fields of a known broker (draining) stay as they are. */
export function registerBrokers(view: ClusterView): readonly Write[] {
  return inMultis([...view.liveBrokers.values()].flatMap((broker) => registration(view, broker)));
}

function registration(view: ClusterView, last: BrokerRegistration): readonly StoreOperation[] {
  const path = paths.registeredBroker(last.id);
  const known = view.knownBrokers.get(last.id);
  if (known === undefined) {
    return [{ kind: 'create', path, data: knownBrokerCodec.encode({ last, draining: false }) }];
  }
  const data = knownBrokerCodec.encode({ ...known.value, last });
  if (data.equals(knownBrokerCodec.encode(known.value))) return [];
  return [{ kind: 'set', path, data, version: known.version }];
}

/** A replica whose broker has another data directory than the one it was made for. */
export interface LostReplica {
  readonly topic: string;
  readonly partition: number;
  readonly broker: number;
  readonly replicaId: string;
}

/**
 * A replica is never made again under its old identity: it would vote, and count, without what it acknowledged (rule 6).
 * It stays assigned, so that its quorum does not shrink, until it is replaced on purpose.
 */
export function lostReplicas(view: ClusterView): readonly LostReplica[] {
  return topicsOf(view).flatMap((topic) =>
    partitionsOf(topic).flatMap(([partition, { replicas }]) =>
      replicas
        .filter(({ broker, directoryId }) => {
          const present = brokerOf(view, broker)?.directoryId;
          return present !== undefined && present !== directoryId;
        })
        .map(({ broker, replicaId }) => ({ topic: topic.name, partition, broker, replicaId })),
    ),
  );
}
