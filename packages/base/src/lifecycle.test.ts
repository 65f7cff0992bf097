import { Lifecycle, StopFailed } from './lifecycle.js';
import type { Part } from './lifecycle.js';

function parts(names: string[], broken: Partial<Record<string, 'start' | 'stop'>> = {}) {
  const events: string[] = [];
  const step = (name: string, verb: 'start' | 'stop') => async () => {
    await Promise.resolve();
    if (broken[name] === verb) throw new Error(`${name} can not ${verb}`);
    events.push(`${verb} ${name}`);
  };
  const list: Part[] = names.map((name) => ({
    name,
    start: step(name, 'start'),
    stop: step(name, 'stop'),
  }));
  return { events, list };
}

test('parts start in order and stop in reverse', async () => {
  const { events, list } = parts(['store', 'log', 'server']);
  const lifecycle = new Lifecycle(list);
  await lifecycle.start();
  await lifecycle.stop();
  const stops = ['stop server', 'stop log', 'stop store'];
  expect(events).toEqual(['start store', 'start log', 'start server', ...stops]);
});

test('each part starts and stops once, however often it is asked', async () => {
  const { events, list } = parts(['log']);
  const lifecycle = new Lifecycle(list);
  await Promise.all([lifecycle.start(), lifecycle.start()]);
  await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  await lifecycle.stop();
  expect(events).toEqual(['start log', 'stop log']);
});

test('when a part can not start, those before it are stopped and its error is thrown', async () => {
  const { events, list } = parts(['store', 'log', 'server'], { log: 'start' });
  const lifecycle = new Lifecycle(list);
  await expect(lifecycle.start()).rejects.toThrow('log can not start');
  expect(events).toEqual(['start store', 'stop store']);
  await lifecycle.stop();
  expect(events).toHaveLength(2);
});

test('a part that can not stop does not keep the others running', async () => {
  const { events, list } = parts(['store', 'log', 'server'], { log: 'stop', server: 'stop' });
  const lifecycle = new Lifecycle(list);
  await lifecycle.start();
  const error = await lifecycle.stop().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StopFailed);
  expect((error as StopFailed).errors.map(String)).toEqual([
    'Error: server did not stop: server can not stop',
    'Error: log did not stop: log can not stop',
  ]);
  expect(events.at(-1)).toBe('stop store');
});

test('a failed start whose cleanup fails too reports both', async () => {
  const { list } = parts(['store', 'log'], { store: 'stop', log: 'start' });
  await expect(new Lifecycle(list).start()).rejects.toThrow(
    'log can not start; store did not stop: store can not stop',
  );
});

test('a stop during the start lets the current part start, then stops it and starts no more', async () => {
  const { events, list } = parts(['store', 'server']);
  const lifecycle: Lifecycle = new Lifecycle([
    list[0],
    { name: 'signal', start: () => void (stopped = lifecycle.stop()) },
    list[1],
  ]);
  let stopped: Promise<void> | undefined;
  await expect(lifecycle.start()).rejects.toThrow('stopped before server was started');
  await stopped;
  expect(events).toEqual(['start store', 'stop store']);
});

test('nothing starts after a stop', async () => {
  const { events, list } = parts(['store']);
  const lifecycle = new Lifecycle(list);
  await lifecycle.stop();
  await expect(lifecycle.start()).rejects.toThrow('stopped before store was started');
  expect(events).toEqual([]);
});
