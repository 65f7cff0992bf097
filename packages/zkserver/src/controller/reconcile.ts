// All decisions of the active zkserver, as one pure function: the view and what happened in, writes out. Each kind of
// event is decided in a file of its own. controller.ts carries the writes out and tells the brokers.
import { assertNever } from '@zhumq/base';
import { changeIsr } from '../election/change-isr.js';
import { removeDeadMembers } from '../election/dead-members.js';
import { electLeaders } from '../election/elect-leaders.js';
import { resignLeaders } from '../election/resign-leaders.js';
import { andContinue, decideSwitch } from '../switch/decide-switch.js';
import { abortReportedSeals } from '../switch/give-up-switch.js';
import { applyWrite } from '../view/apply-write.js';
import type { ClusterView } from '../view/cluster-view.js';
import { alterTopic } from './alter-topic.js';
import { registerBrokers } from './broker-registry.js';
import { claimLeaders } from './claim-leaders.js';
import { createTopic } from './create-topic.js';
import type { Decide, DecisionInput, Event, Write } from './decision.js';
import { deleteTopic } from './delete-topic.js';
import { ensureInternalTopic } from './internal-topics.js';
import { removeLeftovers } from './leftovers.js';
import { reserveProducerIds } from './producer-ids.js';
import { confirmDeletions, settleTombstones } from './tombstones.js';

/** Throws a ZhumqError when the event is a request that is refused. */
export function reconcile(view: ClusterView, event: Event, input: DecisionInput): readonly Write[] {
  switch (event.kind) {
    case 'look':
      return andContinue(
        view,
        [
          ...removeDeadMembers(view, input.isAwaited), // first: producers wait for it
          ...registerBrokers(view),
          ...removeLeftovers(view),
          ...settleTombstones(view),
        ],
        input,
      );
    case 'create-topic':
      return createTopic(view, event, input);
    case 'internal-topic-wanted':
      return ensureInternalTopic(view, event, input);
    case 'delete-topic':
      return deleteTopic(view, event, input);
    case 'alter-topic':
      return alterTopic(view, event, input);
    case 'leaders-claimed':
      return claimThenAbort(view, event, input);
    case 'deletions-confirmed':
      return confirmDeletions(view, event, input);
    case 'producer-ids-wanted':
      return reserveProducerIds(view, event, input);
    case 'leaders-elected':
      return electLeaders(view, event, input);
    case 'isr-changes-wanted':
      return changeIsr(view, event, input);
    case 'leaders-resigned':
      return resignLeaders(view, event, input);
    case 'switch-wanted':
    case 'topic-switch-wanted':
    case 'group-sealed':
    case 'isr-sealed':
    case 'group-closed':
    case 'switch-given-up':
    case 'recovery-wanted':
      return decideSwitch(view, event, input);
    default:
      return assertNever(event);
  }
}

/** A leader that reports a seal is recorded as the leader first, if it counts. */
const claimThenAbort: Decide<'leaders-claimed'> = (view, event, input) => {
  const claimed = claimLeaders(view, event, input);
  return [...claimed, ...abortReportedSeals(claimed.reduce(applyWrite, view), event.claims)];
};
