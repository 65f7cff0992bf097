import { once } from 'node:events';
import { connect } from 'node:net';
import { AssertionFailed } from './assert.js';
import { silentLogger } from './logger.js';
import { Metrics } from './metrics.js';
import { ListenFailed, startOpsServer } from './ops-http.js';
import type { HealthCheck, OpsServer, OpsServerOptions } from './ops-http.js';

const servers: OpsServer[] = [];

async function start(options: Partial<OpsServerOptions> = {}) {
  const metrics = new Metrics();
  const healthy = () => ({ checks: [] });
  const server = await startOpsServer({
    ...{ host: '127.0.0.1', port: 0, metrics, logger: silentLogger },
    ...{ live: healthy, ready: healthy },
    ...options,
  });
  servers.push(server);
  const get = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { server, metrics, get };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

test('metrics are shown as Prometheus reads them', async () => {
  const { metrics, get } = await start();
  metrics.counter('zhumq_a_total', 'A.').inc(3);
  const response = await get('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toContain('zhumq_a_total 3');
});

test('readiness is 200 when all checks are fine and 503 with the reasons when not', async () => {
  let disk: HealthCheck = { name: 'disk', ok: true, detail: '71 GiB free' };
  const session = { name: 'session', ok: true, detail: 'connected' };
  const { get } = await start({ ready: () => ({ checks: [session, disk] }) });
  const fine = await get('/readyz?verbose');
  expect([fine.status, await fine.json()]).toEqual([
    200,
    { status: 'ok', checks: [session, disk] },
  ]);
  disk = { name: 'disk', ok: false, detail: '3 MiB free' };
  const failing = await get('/readyz');
  const body = { status: 'failing', checks: [session, disk] };
  expect([failing.status, await failing.json()]).toEqual([503, body]);
  expect((await get('/livez')).status).toBe(200);
});

test('a check that throws is a failed check and does not take the server down', async () => {
  const { get } = await start({
    live: () => {
      throw new AssertionFailed('bug');
    },
  });
  const response = await get('/livez');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ status: 'failing' });
  expect((await get('/readyz')).status).toBe(200);
});

test('metrics that can not be rendered are a 500', async () => {
  const metrics = new Metrics();
  metrics.render = () => Promise.reject(new Error('broken'));
  const { get } = await start({ metrics });
  expect((await get('/metrics')).status).toBe(500);
  expect((await get('/metrics')).status).toBe(500);
});

test('other paths are 404, other methods 405, HEAD has no body', async () => {
  const { get } = await start();
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics/../etc')).status).toBe(404);
  const post = await get('/metrics', { method: 'POST', body: 'x' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await get('/readyz', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('scrapes that come together are rendered once', async () => {
  const { metrics, get } = await start();
  let readings = 0;
  const render = metrics.render.bind(metrics);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  metrics.render = async () => {
    readings++;
    await released;
    return render();
  };
  const scrapes = [get('/metrics'), get('/metrics'), get('/metrics')];
  await get('/livez');
  release();
  for (const response of await Promise.all(scrapes)) expect(response.status).toBe(200);
  expect(readings).toBe(1);
});

test('a request with headers beyond the limit is refused', async () => {
  const { get } = await start();
  const response = await get('/livez', { headers: { 'x-large': 'x'.repeat(9000) } });
  expect(response.status).toBe(431);
});

test('what is no HTTP is hung up on', async () => {
  const { server, get } = await start();
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  await once(socket.resume(), 'close');
  expect((await get('/livez')).status).toBe(200);
});

test('a port in use is said in words, with what to do', async () => {
  const { server } = await start();
  const failure = await start({ port: server.port }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ListenFailed);
  expect(failure).toMatchObject({
    code: 'EADDRINUSE',
    message:
      `The operations port ${server.port} on 127.0.0.1 can not be opened: another program uses it. ` +
      'Stop that one or set another port (0 takes a free one).',
  });
});

test('an address that is not of this machine is said in words', async () => {
  await expect(start({ host: '192.0.2.1' })).rejects.toThrow('this machine has no such address');
});

test('closing ends connections that are open and can be asked twice', async () => {
  const { server } = await start();
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /livez HTTP/1.1\r\n');
  const ended = once(socket.resume(), 'close');
  await Promise.all([server.close(), server.close()]);
  await ended;
  await expect(fetch(`http://127.0.0.1:${server.port}/livez`)).rejects.toThrow();
});
