// One pair of functions for each service of the contract: one makes a handler servable, the other makes a client.
import { assert } from '@zhumq/base';
import * as tables from '../generated/services.js';
import type { CallOptions, CallTarget, Client, Handler } from './contract.js';
import { methodsOf } from './method.js';
import type { Method } from './method.js';

/** A handler together with the contract that it serves; made by brokerService and its like. */
export interface Service {
  readonly methods: readonly Method[];
  readonly handler: Readonly<Record<string, unknown>>;
}

export type BrokerHandler = Handler<tables.BrokerService>;
export type FetchHandler = Handler<tables.FetchService>;
export type GroupHandler = Handler<tables.GroupService>;
export type RaftHandler = Handler<tables.RaftService>;
export type ZkServerHandler = Handler<tables.ZkServerService>;
export type StoreHandler = Handler<tables.StoreService>;
export type DeliveryHandler = Handler<tables.DeliveryService>;
export type ConsumerHandler = Handler<tables.ConsumerService>;
export type RecordHandler = Handler<tables.RecordService>;
export type RecordListenerHandler = Handler<tables.RecordListener>;

export type BrokerClient = Client<tables.BrokerService>;
export type FetchClient = Client<tables.FetchService>;
export type GroupClient = Client<tables.GroupService>;
export type RaftClient = Client<tables.RaftService>;
export type ZkServerClient = Client<tables.ZkServerService>;
export type StoreClient = Client<tables.StoreService>;
export type DeliveryClient = Client<tables.DeliveryService>;
export type ConsumerClient = Client<tables.ConsumerService>;
export type RecordClient = Client<tables.RecordService>;
export type RecordListenerClient = Client<tables.RecordListener>;

const BROKER = methodsOf(tables.BrokerService);
const FETCH = methodsOf(tables.FetchService);
const GROUP = methodsOf(tables.GroupService);
const RAFT = methodsOf(tables.RaftService);
const ZKSERVER = methodsOf(tables.ZkServerService);
const STORE = methodsOf(tables.StoreService);
const DELIVERY = methodsOf(tables.DeliveryService);
const CONSUMER = methodsOf(tables.ConsumerService);
const RECORD = methodsOf(tables.RecordService);
const RECORD_LISTENER = methodsOf(tables.RecordListener);

export const brokerService = (handler: BrokerHandler): Service => service(BROKER, handler);
export const fetchService = (handler: FetchHandler): Service => service(FETCH, handler);
export const groupService = (handler: GroupHandler): Service => service(GROUP, handler);
export const raftService = (handler: RaftHandler): Service => service(RAFT, handler);
export const zkServerService = (handler: ZkServerHandler): Service => service(ZKSERVER, handler);
export const storeService = (handler: StoreHandler): Service => service(STORE, handler);
export const deliveryService = (handler: DeliveryHandler): Service => service(DELIVERY, handler);
export const consumerService = (handler: ConsumerHandler): Service => service(CONSUMER, handler);
export const recordService = (handler: RecordHandler): Service => service(RECORD, handler);
export const recordListenerService = (handler: RecordListenerHandler): Service =>
  service(RECORD_LISTENER, handler);

export const brokerClient = (target: CallTarget): BrokerClient => client(BROKER, target);
export const fetchClient = (target: CallTarget): FetchClient => client(FETCH, target);
export const groupClient = (target: CallTarget): GroupClient => client(GROUP, target);
export const raftClient = (target: CallTarget): RaftClient => client(RAFT, target);
export const zkServerClient = (target: CallTarget): ZkServerClient => client(ZKSERVER, target);
export const storeClient = (target: CallTarget): StoreClient => client(STORE, target);
export const deliveryClient = (target: CallTarget): DeliveryClient => client(DELIVERY, target);
export const consumerClient = (target: CallTarget): ConsumerClient => client(CONSUMER, target);
export const recordClient = (target: CallTarget): RecordClient => client(RECORD, target);
export const recordListenerClient = (target: CallTarget): RecordListenerClient =>
  client(RECORD_LISTENER, target);

function service(methods: readonly Method[], handler: object): Service {
  const functions = handler as Record<string, unknown>;
  for (const { name } of methods) {
    assert(typeof functions[name] === 'function', `the handler has no method ${name}`);
  }
  return { methods, handler: functions };
}

function client<T>(methods: readonly Method[], target: CallTarget): T {
  const calls = methods.map((method) => [
    method.name,
    method.oneway
      ? (...values: unknown[]) => target.send(method, values)
      : (...values: unknown[]) =>
          target.call(method, values, values[method.parameters.length] as CallOptions | undefined),
  ]);
  return Object.fromEntries(calls) as T;
}
