// What a case costs the process that runs it: the longest stretch of work without a turn of the event loop, and the
// memory that was asked for. The stretch is measured in time of the processor, so that other programs do not count.

export interface Cost {
  readonly longestStretchMs: number;
  /** Bytes of buffers: all of them, and the largest one. */
  readonly allocatedBytes: number;
  readonly largestBytes: number;
}

/** Turns together shorter than this are none that stand still. */
const SHORT_MS = 2;
const MAKERS = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;

export async function measured(action: () => Promise<void>): Promise<Cost> {
  let [allocatedBytes, largestBytes, longestUs] = [0, 0, 0];
  const before = MAKERS.map((name) => Buffer[name].bind(Buffer));
  for (const [at, name] of MAKERS.entries()) {
    Buffer[name] = (size: number, ...rest: []) => {
      allocatedBytes += size;
      largestBytes = Math.max(largestBytes, size);
      return before[at](size, ...rest) as Buffer<ArrayBuffer>;
    };
  }
  let isOver = false;
  let last = process.cpuUsage();
  let lastMs = performance.now();
  const look = (): void => {
    if (isOver) return;
    setImmediate(look);
    // Asking the kernel costs more than most turns do: several short ones are taken together.
    if (performance.now() - lastMs < SHORT_MS) return;
    const now = process.cpuUsage();
    longestUs = Math.max(longestUs, now.user + now.system - last.user - last.system);
    last = now;
    lastMs = performance.now();
  };
  look();
  try {
    await action();
  } finally {
    isOver = true;
    for (const [at, name] of MAKERS.entries()) Buffer[name] = before[at] as never;
  }
  return { longestStretchMs: longestUs / 1000, allocatedBytes, largestBytes };
}
