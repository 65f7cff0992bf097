// zhumq bench: measures a cluster.
import { noun } from '../command-tree.js';
import { benchConsumeVerb } from './bench/consume.js';
import { benchE2eVerb } from './bench/e2e.js';
import { benchProduceVerb } from './bench/produce.js';

export const benchCommand = noun('bench', 'Measure a cluster', [
  benchProduceVerb,
  benchConsumeVerb,
  benchE2eVerb,
]);
