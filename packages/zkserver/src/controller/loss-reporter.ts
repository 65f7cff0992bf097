// Logs each replica that a broker lost with its data directory, once.
import type { Logger } from '@zhumq/base';
import type { ClusterView } from '../view/cluster-view.js';
import { lostReplicas } from './broker-registry.js';

export class LossReporter {
  private reported = new Set<string>();

  constructor(private readonly logger: Logger) {}

  report(view: ClusterView): void {
    const lost = lostReplicas(view);
    for (const replica of lost) {
      if (this.reported.has(replica.replicaId)) continue;
      this.logger.error(
        replica,
        'the broker came back with another data directory: this replica is lost until it is replaced',
      );
    }
    this.reported = new Set(lost.map(({ replicaId }) => replicaId));
  }
}
