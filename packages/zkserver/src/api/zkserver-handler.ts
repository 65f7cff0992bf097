// The table of calls: what of the contract is answered where.
import type { ZkServerHandler } from '@zhumq/rpc';
import { alterTopic } from './alter-topic-handler.js';
import type { ApiContext } from './api-context.js';
import { createTopic, ensureInternalTopic } from './create-topic-handler.js';
import { deleteTopic } from './delete-topic-handler.js';
import { desiredState } from './desired-state-handler.js';
import { dumpStore } from './dump-store-handler.js';
import { electLeader, resignLeaders } from './fetch-leaders-handler.js';
import { changeIsr } from './isr-changes-handler.js';
import { reportLeaders } from './leader-reports-handler.js';
import { metadata } from './metadata-handler.js';
import { allocateProducerIds } from './producer-ids-handler.js';
import { describeSwitch, switchMode } from './switch-handler.js';

export function zkServerHandler(context: ApiContext): ZkServerHandler {
  return {
    metadata: (request) => metadata(context, request),
    createTopic: (request) => createTopic(context, request),
    deleteTopic: (name, dryRun) => deleteTopic(context, name, dryRun),
    alterTopic: (name, config, dryRun) => alterTopic(context, name, config, dryRun),
    ensureInternalTopic: (name) => ensureInternalTopic(context, name),
    desiredState: (request) => desiredState(context, request),
    reportLeaders: (reports) => reportLeaders(context, reports),
    allocateProducerIds: () => allocateProducerIds(context),
    dumpStore: (path) => dumpStore(context, path),
    changeIsr: (changes) => changeIsr(context, changes),
    switchMode: (request) => switchMode(context, request),
    describeSwitch: (topic, partition) => describeSwitch(context, topic, partition),
    resignLeaders: (reports) => resignLeaders(context, reports),
    electLeader: (topic, partition, broker) => electLeader(context, topic, partition, broker),
  };
}
