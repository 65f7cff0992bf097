// Decides when the memory of a deleted topic may go: when no broker is left that could still hold its data.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { tombstoneCodec } from '@zhumq/model';
import type { Tombstone } from '@zhumq/model';
import type { ClusterView, Versioned } from '../view/cluster-view.js';
import type { Decide, Write } from './decision.js';
import { inMultis } from './multi-chunks.js';

export const confirmDeletions: Decide<'deletions-confirmed'> = (view, { broker, topicIds }) =>
  inMultis(
    topicIds.flatMap((topicId) => {
      const tombstone = view.tombstones.get(topicId);
      return tombstone === undefined ? [] : keepWaitingFor(tombstone, (id) => id !== broker);
    }),
  );

/** Brokers that were removed from the registry are not waited for. */
export function settleTombstones(view: ClusterView): readonly Write[] {
  const isKnown = (id: number): boolean => view.knownBrokers.has(id) || view.liveBrokers.has(id);
  return inMultis([...view.tombstones.values()].flatMap((one) => keepWaitingFor(one, isKnown)));
}

function keepWaitingFor(
  { value, version }: Versioned<Tombstone>,
  isWaitedFor: (broker: number) => boolean,
): readonly StoreOperation[] {
  const path = paths.deletion(value.topicId);
  const brokers = value.brokers.filter(isWaitedFor);
  if (brokers.length === 0) return [{ kind: 'delete', path, version }];
  if (brokers.length === value.brokers.length) return [];
  return [{ kind: 'set', path, data: tombstoneCodec.encode({ ...value, brokers }), version }];
}
