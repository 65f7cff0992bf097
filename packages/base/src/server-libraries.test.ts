test('what only servers need is not loaded with the package', async () => {
  const loaded: string[] = [];
  for (const library of ['zod', 'pino', 'prom-client']) {
    jest.doMock(library, () => {
      loaded.push(library);
      return jest.requireActual<object>(library);
    });
  }
  await jest.isolateModulesAsync(async () => {
    const { createLogger, defineOptions, Metrics } = await import('./index.js');
    expect(loaded).toEqual([]);
    // As soon as it is needed it is there.
    createLogger({
      name: 'test',
      level: 'info',
      format: 'json',
      destination: { write: () => true },
    });
    expect(new Metrics().contentType).toContain('text/plain');
    const options = defineOptions({
      port: { type: 'integer', default: 1, min: 0, doc: 'A port.' },
    });
    expect(options.resolve({ flags: { port: '7' } }).values.port).toBe(7);
  });
  expect(loaded.toSorted()).toEqual(['pino', 'prom-client', 'zod']);
});
