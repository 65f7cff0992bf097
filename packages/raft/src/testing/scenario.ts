// Scenarios as text: a line is a command, the lines after "----" up to the next blank line are what it led to.
//
//   cluster 3 learners=1 1=1,1,2      replicas, and the logs of some of them as epochs
//   campaign 1 | tick 1 3 | propose 1 2 | sync 1 | start-sync 1 | finish-sync 1
//   crash 1 | restart 1 | cut 1 2,3 | heal | retain 1 4 | transfer 1 2 | read 1 7
//   deliver 2 append | drop 2 append  messages to a replica, of a kind or of all
//   stabilize                         syncs and deliveries until nothing moves
//   logs | status
import { assert } from '@zhumq/base';
import type { Effect, Message } from '../types.js';
import { SimCluster } from './sim-cluster.js';
import type { SimReplica } from './sim-replica.js';

export class Scenario {
  private cluster = new SimCluster({ voters: 1 });
  private lines: string[] = [];

  run(command: string): string[] {
    const [verb = '', ...words] = command.split(/\s+/);
    this.lines = [];
    if (verb === 'cluster') this.start(words);
    else this.act(verb, words);
    this.report();
    return this.lines.length > 0 ? this.lines : ['ok'];
  }

  private start([voters = '3', ...options]: string[]): void {
    const pairs = options.map((option) => option.split('=') as [string, string]);
    const learners = Number(pairs.find(([key]) => key === 'learners')?.[1] ?? 0);
    const logs = pairs.filter(([key]) => key !== 'learners');
    const histories = Object.fromEntries(
      logs.map(([id, epochs]) => [id, epochs.split(',').map(Number)]),
    );
    this.cluster = new SimCluster({ voters: Number(voters), learners, histories });
  }

  private act(verb: string, [first = '', second = '']: string[]): void {
    const { cluster } = this;
    if (verb === 'stabilize') this.stabilize();
    else if (verb === 'heal') cluster.heal();
    else if (verb === 'logs') for (const replica of cluster.all()) this.log(replica);
    else if (verb === 'status') for (const replica of cluster.all()) this.status(replica);
    else this.actOn(cluster.replica(first), verb, second);
  }

  private actOn(replica: SimReplica, verb: string, argument: string): void {
    const { cluster } = this;
    const { id } = replica;
    const chosen = ({ to, type }: Message) => to === id && (argument === '' || argument === type);
    const verbs: Record<string, () => unknown> = {
      campaign: () => {
        replica.campaign();
      },
      tick: () => {
        replica.tick(Number(argument || '1'));
      },
      propose: () => replica.propose(Number(argument || '1')),
      sync: () => {
        replica.settle();
      },
      'start-sync': () => replica.startSync(),
      'finish-sync': () => {
        replica.finishSync();
      },
      crash: () => {
        replica.crash();
      },
      restart: () => {
        cluster.restart(id);
      },
      cut: () => {
        for (const other of argument.split(','))
          cluster.cut.add(`${id}>${other}`).add(`${other}>${id}`);
      },
      retain: () => {
        replica.dropThrough(Number(argument));
      },
      transfer: () => {
        replica.input((core) => {
          core.transferLeadership(argument);
        });
      },
      read: () => {
        replica.input((core) => {
          core.readIndex(Number(argument));
        });
      },
      deliver: () => {
        cluster.deliverWhere(chosen);
      },
      drop: () => {
        cluster.dropWhere(chosen);
      },
    };
    const run = verbs[verb];
    assert(run !== undefined, `no command "${verb}"`);
    run();
  }

  private stabilize(): void {
    const { cluster } = this;
    for (let round = 0; round < 1_000; round += 1) {
      for (const replica of cluster.up()) replica.settle();
      this.report();
      const messages = cluster.network.splice(0);
      if (messages.length === 0) return;
      for (const message of messages) {
        this.lines.push(describeMessage(message));
        cluster.deliver(message);
        this.report();
      }
    }
    throw new Error('the cluster does not come to rest');
  }

  private report(): void {
    for (const replica of this.cluster.all()) {
      for (const effect of replica.effects.splice(0)) {
        const told = describeEffect(effect);
        if (told !== undefined) this.lines.push(`  ${replica.id}: ${told}`);
      }
    }
  }

  private log({ id, log, core }: SimReplica): void {
    const batches = log.batches.map(({ lastOffset, epoch }) => `${lastOffset}/${epoch}`);
    this.lines.push(`${id}: ${batches.join(' ')} (commit ${core.commit})`);
  }

  private status({ id, up, core }: SimReplica): void {
    const { role, term, leader, commit } = core;
    const state = up ? `${role} term=${term} leader=${leader ?? '-'} commit=${commit}` : 'down';
    this.lines.push(`${id}: ${state}`);
    for (const peer of core.peers()) {
      const { replica, state: pace, matched, next } = peer;
      if (up) this.lines.push(`  ${replica}: ${pace} matched=${matched} next=${next}`);
    }
  }
}

function describeMessage(message: Message): string {
  const { from, to, type, term } = message;
  return `${from}->${to} ${type} term=${term}${details(message)}`;
}

function details(message: Message): string {
  switch (message.type) {
    case 'vote':
    case 'preVote':
      return ` last=${message.lastOffset}/${message.lastEpoch}`;
    case 'voteReply':
    case 'preVoteReply':
      return message.granted ? ' granted' : ' refused';
    case 'append': {
      const batches = message.batches.map(({ lastOffset, epoch }) => `${lastOffset}/${epoch}`);
      return ` prev=${message.prevOffset}/${message.prevEpoch} commit=${message.commit} [${batches.join(' ')}]`;
    }
    case 'appendReply': {
      if (!message.rejected) return ` matched=${message.matched}`;
      return ` refused ${message.probe}, hint=${message.matched}/${message.matchedEpoch}`;
    }
    case 'heartbeat':
      return ` commit=${message.commit} read=${message.readContext}`;
    case 'heartbeatReply':
      return ` matched=${message.matched} read=${message.readContext}`;
    case 'snapshot':
      return ` prev=${message.prevOffset}/${message.prevEpoch}`;
    case 'snapshotReply':
      return message.rejected ? ' refused' : ` matched=${message.matched}`;
    default:
      return '';
  }
}

/** Messages are told when they are delivered. */
function describeEffect(effect: Effect): string | undefined {
  switch (effect.kind) {
    case 'roleChanged':
      return `${effect.role} term=${effect.term} leader=${effect.leader ?? '-'}`;
    case 'saveHardState':
      return `save term=${effect.hardState.term} vote=${effect.hardState.vote ?? '-'}`;
    case 'truncate':
      return `cut from ${effect.from}`;
    case 'append':
      return `write ${effect.batches.map(({ lastOffset, epoch }) => `${lastOffset}/${epoch}`).join(' ')}`;
    case 'appendLeaderChange':
      return `write the leader change of ${effect.term}`;
    case 'commit':
      return `commit ${effect.commit}`;
    case 'readConfirmed':
      return `read ${effect.id} at ${effect.offset}`;
    case 'readFailed':
      return `read ${effect.id} fails`;
    case 'installSnapshot':
      return `copy the log of ${effect.from}`;
    case 'startOver':
      return 'start over with an empty log';
    case 'fatal':
      return `fatal: ${effect.reason}`;
    default:
      return undefined;
  }
}
