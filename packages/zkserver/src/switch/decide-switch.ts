// All decisions on switches of modes, as one pure function. What ends a switch also begins the next ones of its topic.
import { assertNever } from '@zhumq/base';
import type { DecisionInput, Write } from '../controller/decision.js';
import { applyWrite } from '../view/apply-write.js';
import type { ClusterView } from '../view/cluster-view.js';
import { beginSwitch } from './begin-switch.js';
import { beginRecovery } from './forced-recovery.js';
import { giveUpSwitch } from './give-up-switch.js';
import { beginClose, publishClosed, publishRaft } from './publish-switch.js';
import type { SwitchEvent } from './switch-events.js';
import { beginTopicSwitch, continueTopicSwitches } from './topic-switches.js';

/** Throws SWITCH_REFUSED, and what names an unknown topic or partition. An event that came too late gives no writes. */
export function decideSwitch(
  view: ClusterView,
  event: SwitchEvent,
  input: DecisionInput,
): readonly Write[] {
  switch (event.kind) {
    case 'switch-wanted':
      return beginSwitch(view, event, input);
    case 'topic-switch-wanted':
      return beginTopicSwitch(view, event, input);
    case 'group-sealed':
      return beginClose(view, event, input);
    case 'isr-sealed':
      return andContinue(view, publishRaft(view, event, input), input);
    case 'group-closed':
      return andContinue(view, publishClosed(view, event, input), input);
    case 'switch-given-up':
      return andContinue(view, giveUpSwitch(view, event, input), input);
    case 'recovery-wanted':
      return beginRecovery(view, event, input);
    default:
      return assertNever(event);
  }
}

/**
 * Those writes, and what of whole topics may begin after them. The write that ends a switch and what follows from it go
 * together: brokers are told after both, and clients wait for that.
 */
export function andContinue(
  view: ClusterView,
  writes: readonly Write[],
  input: DecisionInput,
): readonly Write[] {
  const [next, ...others] = continueTopicSwitches(writes.reduce(applyWrite, view), input);
  if (next === undefined) return writes;
  if (writes.length !== 1 || writes[0].length !== 1) return [...writes, next, ...others];
  const [[end]] = writes;
  const isApart = next.every(({ path }) => path !== end.path);
  return isApart ? [[end, ...next], ...others] : [...writes, next, ...others];
}
