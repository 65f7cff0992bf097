// A client in a script's hand: sends what the script says, one message at a time, and tells the history what came of it.
import { ZhumqError } from '@zhumq/base';
import type { Admin, Client, Consumer, Producer, ProducerOptions } from '@zhumq/client';
import { brokerClient, connectChannel, groupClient } from '@zhumq/rpc';
import type { BrokerClient, GroupClient, RpcChannel } from '@zhumq/rpc';
import { recordPolls } from '../programs/reader-program.js';
import type { ServerSlot } from '../simulated-cluster.js';
import { TOPIC } from './setting.js';
import type { Stage } from './stage.js';
import type { ProgramContext } from '../programs/client-host.js';

type Acks = 'all' | 'leader' | 'none';

/** One message on its way. */
export interface Sent {
  readonly value: string;
  outcome: 'pending' | 'ok' | 'fail' | 'unknown';
  offset: number;
  error: ZhumqError | undefined;
}

/** Something that was asked of a client. */
export interface Asked<T> {
  done: boolean;
  value: T | undefined;
  error: Error | undefined;
}

const DELIVERY_MS = 20_000;
const SWITCH_MS = 20_000;

export class ScriptClient {
  private client: Client | undefined;
  private context: ProgramContext | undefined;
  private readonly producers = new Map<string, Producer>();
  private readonly sends: Sent[] = [];

  constructor(
    private readonly stage: Stage,
    readonly name: string,
    private readonly options: ProducerOptions = {},
  ) {
    const host = stage.host(name, async (context) => {
      this.context = context;
      this.client = await context.connect();
    });
    this.machine = host.machine;
  }

  readonly machine;

  get isConnected(): boolean {
    return this.client !== undefined;
  }

  get isIdle(): boolean {
    return this.sends.every(({ outcome }) => outcome !== 'pending');
  }

  get acknowledgements(): number {
    return this.sends.filter(({ outcome }) => outcome === 'ok').length;
  }

  /** Runs in this client's process; what it resolves with is kept. */
  ask<T>(question: (client: Client) => Promise<T>): Asked<T> {
    const asked: Asked<T> = { done: false, value: undefined, error: undefined };
    const { client } = this;
    const { life } = this.machine;
    if (client === undefined || life === undefined)
      throw new Error(`${this.name} is not connected`);
    this.stage.world.scheduler.turn(life, () => {
      question(client).then(
        (value) => Object.assign(asked, { done: true, value }),
        (error: unknown) => Object.assign(asked, { done: true, error: error as Error }),
      );
    });
    return asked;
  }

  /** Calls a broker past the library, as any program may. */
  call<T>(slot: ServerSlot, question: (broker: BrokerClient) => Promise<T>): Asked<T> {
    return this.ask(() => question(brokerClient(this.channel(slot))));
  }

  callGroups<T>(slot: ServerSlot, question: (groups: GroupClient) => Promise<T>): Asked<T> {
    return this.ask(() => question(groupClient(this.channel(slot))));
  }

  private channel({ machine }: ServerSlot): RpcChannel {
    const { context } = this;
    const { life } = this.machine;
    if (life === undefined || context === undefined) throw new Error(`${this.name} is down`);
    const { clock, random } = context;
    const { socketFactory } = this.stage.world.network.transport(this.machine, life);
    const addresses = this.stage.cluster.bootstrap.split(',').map((text) => text.split(':'));
    const [host, port] = addresses.find(([name]) => name === machine.name) ?? [machine.name, '0'];
    return connectChannel({ host, port: Number(port), socketFactory, clock, random });
  }

  /** Asks, and waits for the answer; throws what came instead. */
  async answer<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const asked = this.ask(question);
    await this.stage.until(`${this.name} is answered`, () => asked.done, 30_000, 'liveness');
    if (asked.error !== undefined)
      return this.stage.fail('execution', `${this.name} was told: ${asked.error.message}`);
    return asked.value as T;
  }

  admin<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    return this.answer((client) => question(client.admin()));
  }

  /** Its program stands still. Returns what lets it go on. */
  pause(): () => void {
    const { life } = this.machine;
    if (life !== undefined) life.paused = true;
    return () => {
      if (life?.paused === true) this.stage.world.scheduler.resume(life);
    };
  }

  switchMode(to: 'raft' | 'fetch', wait = SWITCH_MS): Asked<unknown> {
    return this.ask((client) =>
      client.admin().switchMode({ topic: TOPIC, partition: 0, to, wait }),
    );
  }

  /** `padding`: bytes that come on top of the value. */
  send(
    value: string,
    acks: Acks = 'all',
    { topic = TOPIC, partition = 0, padding = 0 } = {},
  ): Sent {
    const { stage, name: producer } = this;
    const { history } = stage;
    const sent: Sent = { value, outcome: 'pending', offset: -1, error: undefined };
    this.sends.push(sent);
    const place = { topic, partition, producer, value };
    history.record({ kind: 'send', ...place, acks, idempotent: acks !== 'none' });
    this.ask((client) => {
      let one = this.producers.get(acks);
      if (one === undefined) {
        const limit = acks === 'none' ? {} : { deliveryTimeout: DELIVERY_MS };
        this.producers.set(acks, (one = client.producer({ acks, ...limit, ...this.options })));
      }
      return one.send(topic, { partition, value: `${value}|${'.'.repeat(padding)}` }).then(
        ({ offset, mode, duplicate }) => {
          Object.assign(sent, { outcome: 'ok', offset });
          const where = offset >= 0 ? { offset, mode, duplicate } : {};
          history.record({ kind: 'sent', ...place, outcome: 'ok', ...where });
        },
        (error: unknown) => {
          if (!ZhumqError.is(error)) throw error;
          const outcome = error.outcome === 'rejected' ? 'fail' : 'unknown';
          Object.assign(sent, { outcome, error });
          const { code, retriable } = error;
          history.record({ kind: 'sent', ...place, outcome, code, retriable });
        },
      );
    });
    return sent;
  }

  /** Sends one after the other, and waits until all are acknowledged. */
  async sendAll(prefix: string, count: number, acks: Acks = 'all'): Promise<Sent[]> {
    const all = Array.from({ length: count }, (_, index) => this.send(`${prefix}${index}`, acks));
    await this.acknowledged(...all);
    return all;
  }

  async acknowledged(...sends: readonly Sent[]): Promise<void> {
    const isOver = (): boolean => sends.every(({ outcome }) => outcome !== 'pending');
    const values = sends.map(({ value }) => value).join(', ');
    await this.stage.until(`acknowledged: ${values}`, isOver, 30_000, 'liveness');
    for (const { value, outcome, error } of sends)
      if (outcome !== 'ok')
        this.stage.fail('liveness', `${value} was not taken: ${error?.message}`);
  }

  /** Reads on from the beginning, and tells the history; `values` grows. */
  reader(): {
    readonly values: string[];
    readonly errors: Error[];
    consumer: Consumer | undefined;
  } {
    const seen = {
      values: [] as string[],
      errors: [] as Error[],
      consumer: undefined as Consumer | undefined,
    };
    const { history } = this.stage;
    const consumer = `${this.name}-reader`;
    history.record({ kind: 'seek', topic: TOPIC, partition: 0, consumer });
    this.ask(async (client) => {
      const reading = client.consumer({ topic: TOPIC, from: 'earliest', onTruncated: 'error' });
      seen.consumer = reading;
      try {
        while (this.context?.ended() === false) {
          const messages = await reading.fetch({ max: 100, wait: '1s' });
          recordPolls(history, messages, { consumer, delivery: 'pull' });
          for (const { value } of messages)
            seen.values.push((value?.toString() ?? '').split('|')[0]);
        }
      } catch (error) {
        seen.errors.push(error as Error);
      }
    });
    return seen;
  }
}
