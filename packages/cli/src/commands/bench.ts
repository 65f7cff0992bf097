// zhumq bench: measures a cluster.
import { noun } from '../command-tree.js';
import { benchProduceVerb } from './bench/produce.js';

export const benchCommand = noun('bench', 'Measure a cluster', [benchProduceVerb]);
