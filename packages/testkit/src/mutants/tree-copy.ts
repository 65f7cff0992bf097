// A copy of the tree in which a mutant lives: sources of its own, packages that find each other there and nowhere else,
// libraries shared with the real tree.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { applyEdit } from './mutant.js';
import type { Edit } from './mutant.js';

const run = promisify(execFile);

const PREFIX = 'zhumq-mutant-';
const MODULES = 'node_modules';
/** Where our packages stand in node_modules. */
const SCOPE = '@zhumq';
/** What a simulation needs, with everything that it stands on. */
const TARGET = 'packages/testkit';
const COMPILER = 'node_modules/typescript-7/bin/tsc';
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export class TreeCopy {
  private readonly originals = new Map<string, string>();

  private constructor(
    readonly root: string,
    private readonly realRoot: string,
  ) {}

  /** Everything that git knows or would take, as it is now; not yet built. */
  static async make(realRoot: string): Promise<TreeCopy> {
    const root = await mkdtemp(join(tmpdir(), PREFIX));
    const { stdout } = await run(
      'git',
      ['ls-files', '--cached', '--others', '--exclude-standard', '-z', 'packages', '*.json'],
      { cwd: realRoot, maxBuffer: MAX_OUTPUT_BYTES },
    );
    for (const file of new Set(stdout.split('\0'))) {
      if (file === '') continue;
      const from = join(realRoot, file);
      // Deleted, and git does not know yet.
      if (!existsSync(from)) continue;
      await mkdir(dirname(join(root, file)), { recursive: true });
      await cp(from, join(root, file));
    }
    const copy = new TreeCopy(root, realRoot);
    await copy.linkModules();
    return copy;
  }

  /** Another copy of the same, with what was built: the real tree may have changed meanwhile. */
  async again(): Promise<TreeCopy> {
    const root = await mkdtemp(join(tmpdir(), PREFIX));
    for (const name of await readdir(this.root)) {
      if (name === MODULES) continue;
      const options = { recursive: true, preserveTimestamps: true, filter: isNotModules };
      await cp(join(this.root, name), join(root, name), options);
    }
    const copy = new TreeCopy(root, this.realRoot);
    await copy.linkModules();
    return copy;
  }

  /** Makes the edits; `undo` takes all of them back. */
  async apply(edits: readonly Edit[]): Promise<void> {
    for (const edit of edits) {
      const path = join(this.root, edit.file);
      const text = await readFile(path, 'utf8');
      if (!this.originals.has(path)) this.originals.set(path, text);
      await writeFile(path, applyEdit(text, edit));
    }
  }

  async undo(): Promise<void> {
    for (const [path, text] of this.originals) await writeFile(path, text);
    this.originals.clear();
  }

  /** Undefined when all compiles, otherwise what the compiler says. */
  async build(): Promise<string | undefined> {
    try {
      await run(process.execPath, [join(this.realRoot, COMPILER), '-b', TARGET], {
        ...{ cwd: this.root, maxBuffer: MAX_OUTPUT_BYTES },
      });
      return undefined;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      return [stdout, stderr].join('').trim() || String(error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  private async linkModules(): Promise<void> {
    const { root, realRoot } = this;
    await mkdir(join(root, MODULES, SCOPE), { recursive: true });
    for (const name of await readdir(join(realRoot, MODULES))) {
      if (name === SCOPE || name.startsWith('.')) continue;
      await symlink(join(realRoot, MODULES, name), join(root, MODULES, name));
    }
    for (const name of await readdir(join(root, 'packages'))) {
      const own = join('packages', name);
      await symlink(join(root, own), join(root, MODULES, SCOPE, name));
      // Libraries of which it has a version of its own.
      const libraries = join(own, MODULES);
      if (existsSync(join(realRoot, libraries)))
        await symlink(join(realRoot, libraries), join(root, libraries));
    }
  }
}

function isNotModules(path: string): boolean {
  return basename(path) !== MODULES;
}
