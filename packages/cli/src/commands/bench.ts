// zhumq bench: measures a cluster.
import { noun } from '../command-tree.js';
import { benchConsumeVerb } from './bench/consume.js';
import { benchE2eVerb } from './bench/e2e.js';
import { benchFailoverVerb } from './bench/failover.js';
import { benchIdleVerb } from './bench/idle.js';
import { benchProduceVerb } from './bench/produce.js';
import { benchRecoveryVerb } from './bench/recovery.js';
import { benchSwitchVerb } from './bench/switch.js';

export const benchCommand = noun('bench', 'Measure a cluster', [
  benchProduceVerb,
  benchConsumeVerb,
  benchE2eVerb,
  benchIdleVerb,
  benchFailoverVerb,
  benchSwitchVerb,
  benchRecoveryVerb,
]);
