// Serves FetchService: checks who speaks, then gives requests and reports to the session of that broker.
import type { Logger } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { FetchHandler } from '@zhumq/rpc';
import type { FetchSessions } from '../replication/fetch/fetch-sessions.js';

export interface FetchHandlerOptions {
  readonly brokerId: number;
  readonly clusterId: () => string;
  readonly sessions: FetchSessions;
  readonly logger: Logger;
}

export function fetchHandler(options: FetchHandlerOptions): FetchHandler {
  const { brokerId, clusterId, sessions, logger } = options;

  const isMeant = (envelope: { clusterId: string; toBroker: number }): boolean =>
    envelope.clusterId === clusterId() && envelope.toBroker === brokerId;

  return {
    fetch(request, context) {
      if (!isMeant(request)) {
        throw zhumqError(
          'WRONG_CLUSTER',
          `a fetch for broker ${request.toBroker} of cluster ${request.clusterId} came to broker ${brokerId} of ${clusterId()}`,
        );
      }
      return sessions.fetch(request, context.signal);
    },

    reportPositions(report) {
      if (isMeant(report)) sessions.report(report);
      else
        logger.warn(
          { clusterId: report.clusterId, fromBroker: report.fromBroker, toBroker: report.toBroker },
          'positions for another cluster or broker dropped',
        );
    },
  };
}
