// All decisions of the active zkserver, as one pure function: the view and what happened in, writes out. Each kind of
// event is decided in a file of its own. controller.ts carries the writes out and tells the brokers.
import { assertNever } from '@zhumq/base';
import type { ClusterView } from '../view/cluster-view.js';
import { alterTopic } from './alter-topic.js';
import { registerBrokers } from './broker-registry.js';
import { claimLeaders } from './claim-leaders.js';
import { createTopic } from './create-topic.js';
import type { DecisionInput, Event, Write } from './decision.js';
import { deleteTopic } from './delete-topic.js';
import { removeLeftovers } from './leftovers.js';
import { reserveProducerIds } from './producer-ids.js';
import { confirmDeletions, settleTombstones } from './tombstones.js';

/** Throws a ZhumqError when the event is a request that is refused. */
export function reconcile(view: ClusterView, event: Event, input: DecisionInput): readonly Write[] {
  switch (event.kind) {
    case 'look':
      return [...registerBrokers(view), ...removeLeftovers(view), ...settleTombstones(view)];
    case 'create-topic':
      return createTopic(view, event, input);
    case 'delete-topic':
      return deleteTopic(view, event, input);
    case 'alter-topic':
      return alterTopic(view, event, input);
    case 'leaders-claimed':
      return claimLeaders(view, event, input);
    case 'deletions-confirmed':
      return confirmDeletions(view, event, input);
    case 'producer-ids-wanted':
      return reserveProducerIds(view, event, input);
    default:
      return assertNever(event);
  }
}
