import { SerialExecutor } from './serial-executor.js';

function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

test('one task runs at a time, in order', async () => {
  const executor = new SerialExecutor(10);
  const events: string[] = [];
  const task = (name: string) => async () => {
    events.push(`${name} starts`);
    await Promise.resolve();
    events.push(`${name} ends`);
  };
  void executor.run(task('a'));
  void executor.run(task('b'));
  await executor.drained();
  expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
});

test('a task that fails tells its caller and does not stop later ones', async () => {
  const executor = new SerialExecutor(10);
  const failed = executor.run(() => {
    throw new Error('disk');
  });
  const later = executor.run(() => 7);
  await expect(failed).rejects.toThrow('disk');
  await expect(later).resolves.toBe(7);
});

test('a full executor takes nothing until a task has ended', async () => {
  const executor = new SerialExecutor(2);
  const { open, opened } = gate();
  void executor.run(() => opened);
  void executor.run(() => opened);
  const task = jest.fn();
  expect(executor.run(task)).toBeUndefined();
  expect(executor.size).toBe(2);
  open();
  await executor.drained();
  expect(task).not.toHaveBeenCalled();
  expect(executor.size).toBe(0);
  await executor.run(task);
  expect(task).toHaveBeenCalledTimes(1);
});

test('drained waits for what was given before, also when it fails', async () => {
  const executor = new SerialExecutor(2);
  const failed = executor.run(() => Promise.reject(new Error('disk')));
  const settled = expect(failed).rejects.toThrow('disk');
  await executor.drained();
  expect(executor.size).toBe(0);
  await settled;
});
