// The proxy that stands in for a network: what it holds, and that it holds it in one direction only.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { until } from '../until.js';
import { Proxy } from './proxy.js';

const HOST = '127.0.0.1';
const PORT_RANGE = 20_000;

let server: Server;
let proxy: Proxy;
let client: Socket;
let atServer = '';
let atClient = '';
let serverSide: Socket | undefined;
const cuts = new Set<string>();
let breaking = false;

beforeEach(async () => {
  cuts.clear();
  [atServer, atClient, breaking, serverSide] = ['', '', false, undefined];
  server = createServer((socket) => {
    serverSide = socket.on('error', () => undefined);
    socket.on('data', (bytes) => (atServer += bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const weather = {
    isCut: (from: string, to: string) => cuts.has(`${from}>${to}`),
    delayMs: () => 0,
    breaks: () => breaking,
  };
  proxy = new Proxy('broker-1', (server.address() as AddressInfo).port, weather, () => 'broker-2');
  const port = await until('a port is free', 10_000, async () => {
    const wanted = 10_000 + Math.floor(Math.random() * PORT_RANGE);
    await proxy.listen(HOST, wanted);
    return wanted;
  });
  client = connect({ host: HOST, port });
  client.on('data', (bytes) => (atClient += bytes.toString()));
  client.on('error', () => undefined);
  await until('connected', 10_000, () => serverSide !== undefined);
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

test('a cut holds one direction, and what was held goes on in order when it heals', async () => {
  cuts.add('broker-2>broker-1');
  client.write('one ');
  serverSide?.write('answer');
  await until('the other direction is open', 10_000, () => atClient === 'answer');
  client.write('two');
  expect(atServer).toBe('');
  cuts.clear();
  proxy.goOn();
  await until('everything arrives', 10_000, () => atServer === 'one two');
});

test('a connection that breaks ends on both sides', async () => {
  breaking = true;
  client.write('lost');
  await until('it is closed', 10_000, () => client.destroyed && serverSide?.destroyed === true);
  expect(atServer).toBe('');
});
