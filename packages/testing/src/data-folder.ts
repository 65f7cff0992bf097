// Where a test broker keeps its data: a folder of its own that is removed at the end, or one that the test names.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { NodeFileSystem } from '@zhumq/log';

export interface DataFolder {
  readonly path: string;
  /** Of the embedded metadata store; undefined where the data ends with the broker, so that memory is enough. */
  readonly journal: string | undefined;
  release(): void;
}

/** DATA_DIRECTORY_LOCKED when another test broker is using it. */
export function openDataFolder(given: string | undefined): DataFolder {
  return given === undefined ? temporaryFolder() : givenFolder(resolve(given));
}

function temporaryFolder(): DataFolder {
  // The pid tells what a killed test left behind.
  const path = mkdtempSync(join(tmpdir(), `zhumq-test-${process.pid}-`));
  const release = (): void => rmSync(path, { recursive: true, force: true });
  return { path, journal: undefined, release };
}

/** The same files as `zhumq dev` has. Locked as a whole: two metadata stores on one journal would spoil it. */
function givenFolder(path: string): DataFolder {
  mkdirSync(join(path, 'metadata'), { recursive: true });
  const lock = new NodeFileSystem().lockSync(join(path, 'lock'));
  return { path, journal: join(path, 'metadata', 'journal'), release: () => lock.release() };
}
