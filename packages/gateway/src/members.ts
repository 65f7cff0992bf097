// Which connection is a member of which groups. A membership begins with the first receive or with subscribe, and ends
// with leave, with the connection, or when nothing was heard on the connection for the session timeout.
import type { Clock, Logger, Metrics, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type {
  CallContext,
  ReceivedRecord,
  ReceiveRequest,
  RecordId,
  SubscribeReply,
  SubscribeRequest,
} from '@zhumq/rpc';
import type { ClusterClient } from './cluster-client.js';
import { Member, NotHeld, isHarmless } from './member.js';
import type { GatewayOptions } from './record-gateway.js';
import { checkIds, checkReading, checkWait, invalid } from './request-check.js';
import type { Received } from './request-check.js';
import { Subscription } from './subscription.js';

const MAX_GROUPS_OF_CONNECTION = 8;
const SWEEP_MS = 500;
/** A look that is so late heard nobody because this process stood still. */
const LATE_SWEEP_MS = 1_000;
/** To leave a group may take so long; the session with its coordinator ends by itself soon after. */
const LEAVE_TIMEOUT_MS = 5_000;

export interface MembersParts {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly options: Pick<
    GatewayOptions,
    | 'record.members.max'
    | 'record.unacked.max'
    | 'record.prefetch.bytes'
    | 'delivery.heartbeat.ms'
    | 'request.max.bytes'
  >;
}

interface OfConnection {
  readonly id: number;
  /** By group. */
  readonly members: Map<string, Member>;
  subscription: Subscription | undefined;
  /** Read without a group and was silent: where it was is forgotten, and that is told once. */
  forgotten: boolean;
}

export class Members {
  private readonly connections = new Map<number, OfConnection>();
  /** Those that are leaving count, too: they still hold what they hold. */
  private count = 0;
  private readonly leaving = new Set<Promise<void>>();
  private sweeping: Timer | undefined;
  private sweptMs = 0;

  constructor(private readonly parts: MembersParts) {
    const { metrics } = parts;
    const help = 'Connections that read by record-level calls, once for each group.';
    metrics.gauge('zhumq_broker_record_members', help, [], () => this.count);
    metrics.gauge(
      'zhumq_broker_record_unacked',
      'Records that these connections have and did not acknowledge.',
      [],
      () => this.all().reduce((sum, { unackedRecords }) => sum + unackedRecords, 0),
    );
  }

  // ---- calls ------------------------------------------------------------------------------------------------------

  async receive(
    request: Received<ReceiveRequest>,
    context: CallContext,
  ): Promise<ReceivedRecord[]> {
    checkReading(request);
    checkWait(request);
    const { group, topics } = request;
    const own = this.connections.get(context.connectionId);
    if (own?.subscription !== undefined) {
      throw invalid('records are pushed on this connection; receive on another one');
    }
    if (own?.forgotten === true && group === '') {
      own.forgotten = false;
      const text =
        'this connection was silent for its sessionTimeoutMs, and where it was is forgotten; the next receive begins at `start` again';
      throw zhumqError('SESSION_UNKNOWN', text);
    }
    const maxUnacked = group === '' ? Infinity : this.parts.options['record.unacked.max'];
    const member = await this.member(request, maxUnacked, context);
    if (!sameTopics(member.settings.topics, topics)) {
      const text = `this connection reads ${member.settings.topics.join(', ')} in group "${group}", not ${topics.join(', ')}; leave the group first`;
      throw invalid(text);
    }
    try {
      return await member.during(() => member.take(request));
    } catch (error) {
      // The next receive begins anew; or has begun, where this member has left meanwhile.
      const isPresent = this.connections.get(context.connectionId)?.members.get(group) === member;
      if (isPresent && !isHarmless(error)) void this.end(context.connectionId, group);
      throw error;
    }
  }

  async ack(
    group: string,
    records: readonly RecordId[],
    { connectionId }: CallContext,
  ): Promise<void> {
    checkIds(records);
    if (group === '') throw invalid('without a group nothing is acknowledged');
    const member = this.connections.get(connectionId)?.members.get(group);
    if (records.length === 0) return member?.heard();
    try {
      if (member === undefined) throw new NotHeld(records, group);
      await member.during(() => member.acknowledge(records));
    } catch (error) {
      throw error instanceof NotHeld ? error.error : error;
    }
  }

  async leave(group: string, { connectionId }: CallContext): Promise<void> {
    await this.end(connectionId, group);
  }

  async subscribe(
    request: Received<SubscribeRequest>,
    context: CallContext,
  ): Promise<SubscribeReply> {
    checkReading(request);
    const { connectionId, signal } = context;
    if ((this.connections.get(connectionId)?.members.size ?? 0) > 0) {
      throw invalid('this connection reads already; subscribe on a connection of its own');
    }
    const { clock, logger, options } = this.parts;
    const maxUnacked = Math.min(request.maxRecords, options['record.unacked.max']);
    const member = await this.member(request, maxUnacked, context);
    const own = this.connections.get(connectionId);
    if (own === undefined || own.subscription !== undefined || signal.aborted) {
      throw invalid('this connection has a subscription already');
    }
    const heartbeatMs = options['delivery.heartbeat.ms'];
    const window = { maxRecords: maxUnacked, maxBytes: request.maxBytes };
    const subscription = new Subscription({
      ...{ member, context, clock, logger, window, heartbeatMs },
      told: (error) => this.parts.client.told(error),
      ended: () => void this.end(connectionId, request.group),
    });
    own.subscription = subscription;
    // The answer goes first.
    setImmediate(() => subscription.start());
    return { heartbeatMs };
  }

  acknowledge(records: readonly RecordId[], { connectionId }: CallContext): Promise<void> | void {
    checkIds(records);
    const subscription = this.connections.get(connectionId)?.subscription;
    if (subscription === undefined) throw invalid('this connection has no subscription');
    return subscription.acknowledge(records);
  }

  // ---- life -------------------------------------------------------------------------------------------------------

  /** Resolves when all have left, or the time is up. */
  async close(timeoutMs: number): Promise<void> {
    this.sweeping?.cancel();
    for (const { id, members, subscription } of [...this.connections.values()]) {
      subscription?.close(
        zhumqError('STOPPING', 'the broker is stopping; subscribe at another one'),
      );
      for (const group of [...members.keys()]) void this.end(id, group, timeoutMs);
    }
    await Promise.all(this.leaving);
  }

  /** The one that there is, or a new one. */
  private async member(
    request: Received<SubscribeRequest>,
    maxUnacked: number,
    context: CallContext,
  ): Promise<Member> {
    const { group, topics, sessionTimeoutMs, start, resumeAfterLoss } = request;
    const { connectionId, remoteAddress, signal } = context;
    const client = await this.parts.client.get();
    const found = this.connections.get(connectionId)?.members.get(group);
    if (found !== undefined) return found;
    if (signal.aborted) throw zhumqError('ABORTED', 'the connection is gone');
    this.checkRoom(connectionId);
    const { clock, options } = this.parts;
    const settings = {
      ...{ group, topics: [...topics], sessionTimeoutMs, start, resumeAfterLoss, maxUnacked },
      clientId: `record API, ${remoteAddress}`,
      prefetchBytes: options['record.prefetch.bytes'],
      // The rest of an answer, and one record more, must fit into a frame, too.
      maxBytes: Math.floor(options['request.max.bytes'] / 2),
    };
    const member = new Member(client, settings, clock);
    this.count++;
    this.ofConnection(connectionId, signal).members.set(group, member);
    if (this.sweeping === undefined) {
      this.sweptMs = clock.monotonicMs();
      this.sweeping = clock.every(SWEEP_MS, () => this.sweep());
    }
    return member;
  }

  private ofConnection(id: number, signal: AbortSignal): OfConnection {
    let own = this.connections.get(id);
    if (own === undefined) {
      own = { id, members: new Map(), subscription: undefined, forgotten: false };
      this.connections.set(id, own);
      signal.addEventListener('abort', () => this.connectionGone(id), { once: true });
    }
    return own;
  }

  private checkRoom(connectionId: number): void {
    const max = this.parts.options['record.members.max'];
    const own = this.connections.get(connectionId)?.members.size ?? 0;
    if (this.count >= max) {
      const text = `${max} connections read at this broker already (record.members.max); connect to another one`;
      throw zhumqError('OVERLOADED', text, { members: this.count });
    }
    if (own >= MAX_GROUPS_OF_CONNECTION) {
      throw invalid(`this connection is in ${own} groups already; leave one, or open another`);
    }
  }

  private connectionGone(id: number): void {
    const own = this.connections.get(id);
    own?.subscription?.end();
    for (const group of [...(own?.members.keys() ?? [])]) void this.end(id, group);
    this.connections.delete(id);
  }

  private end(id: number, group: string, timeoutMs = LEAVE_TIMEOUT_MS): Promise<void> {
    const own = this.connections.get(id);
    const member = own?.members.get(group);
    if (own === undefined || member === undefined) return Promise.resolve();
    own.members.delete(group);
    own.subscription?.end();
    own.subscription = undefined;
    const left = member.close(timeoutMs).then(() => {
      this.count--;
      this.leaving.delete(left);
    });
    this.leaving.add(left);
    return left;
  }

  /** Ends members whose connection is silent: a program that hangs must not keep its records from the others. */
  private sweep(): void {
    const nowMs = this.parts.clock.monotonicMs();
    // What programs sent meanwhile may still wait in the sockets.
    if (nowMs - this.sweptMs > SWEEP_MS + LATE_SWEEP_MS) for (const one of this.all()) one.heard();
    this.sweptMs = nowMs;
    for (const own of [...this.connections.values()]) {
      const { id, members, subscription } = own;
      for (const [group, member] of [...members]) {
        if (!member.silent) continue;
        if (group === '') own.forgotten = true;
        const { sessionTimeoutMs } = member.settings;
        const text = `nothing was heard on the connection for ${sessionTimeoutMs} ms (sessionTimeoutMs); what it did not acknowledge goes to others`;
        this.parts.logger.info({ group, member: member.settings.clientId }, text);
        subscription?.close(zhumqError('TIMEOUT', text, { group }));
        void this.end(id, group);
      }
    }
    if (this.count > 0) return;
    this.sweeping?.cancel();
    this.sweeping = undefined;
  }

  private all(): Member[] {
    return [...this.connections.values()].flatMap(({ members }) => [...members.values()]);
  }
}

function sameTopics(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)];
  return one.size === other.size && [...one].every((topic) => other.has(topic));
}
