// Debian's libfaketime gives one process another wall clock. The machine's clock is never touched, and monotonic clocks
// (every timeout of a broker) go on as they are: that is what a step of NTP does, too.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = '/usr/lib';
const NAME = 'faketime/libfaketime.so.1';

/** Undefined when it is not installed. */
export function findClockLibrary(): string | undefined {
  if (!existsSync(LIBRARIES)) return undefined;
  return readdirSync(LIBRARIES)
    .map((folder) => join(LIBRARIES, folder, NAME))
    .find((file) => existsSync(file));
}

/** `file` says how far off the clock is, such as +3600, and may be written again at any time. */
export function clockEnvironment(library: string, file: string): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}
