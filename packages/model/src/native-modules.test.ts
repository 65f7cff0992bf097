import type * as Crc from './crc32c.js';
import type * as NativeModules from './native-modules.js';

function withNative<T>(setting: string | undefined, run: () => T): T {
  const before = process.env.ZHUMQ_NATIVE;
  try {
    if (setting === undefined) delete process.env.ZHUMQ_NATIVE;
    else process.env.ZHUMQ_NATIVE = setting;
    let result: T | undefined;
    jest.isolateModules(() => (result = run()));
    return result as T;
  } finally {
    if (before === undefined) delete process.env.ZHUMQ_NATIVE;
    else process.env.ZHUMQ_NATIVE = before;
  }
}

describe('native modules', () => {
  const load = (): typeof NativeModules => jest.requireActual('./native-modules.js');

  test('are used where they are installed', () => {
    expect(withNative(undefined, () => load().loadNativeCrc())).toBeDefined();
    expect(withNative(undefined, () => load().loadNativeLz4())).toBeDefined();
  });

  test('are left alone with ZHUMQ_NATIVE=0', () => {
    expect(withNative('0', () => load().loadNativeCrc())).toBeUndefined();
    expect(withNative('0', () => load().loadNativeLz4())).toBeUndefined();
  });

  test('are not needed for a checksum', () => {
    const bytes = Buffer.alloc(1000, 'zhumq');
    const crc = (): typeof Crc => jest.requireActual('./crc32c.js');
    const without = withNative('0', () => crc().crc32c(bytes));
    expect(without).toBe(withNative(undefined, () => crc().crc32c(bytes)));
  });
});
