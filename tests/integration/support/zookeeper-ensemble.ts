// A real ZooKeeper ensemble of this test alone: scripts/zookeeper.sh with a folder of its own.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { report } from './report.js';

const SCRIPT = join(__dirname, '../../../scripts/zookeeper.sh');
const run = promisify(execFile);

export class ZooKeeperEnsemble {
  /** HOST:PORT[,HOST:PORT…] */
  connectionString = '';

  constructor(
    private readonly directory: string,
    readonly size: number,
  ) {
    mkdirSync(directory, { recursive: true });
  }

  get numbers(): number[] {
    return Array.from({ length: this.size }, (_, index) => index + 1);
  }

  async start(): Promise<void> {
    const output = await this.script('start', String(this.size));
    this.connectionString = output.split('\n').at(-1) ?? '';
    report(`ZooKeeper ${this.connectionString}, pids ${this.numbers.map((n) => this.pid(n))}`);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(number: number): Promise<void> {
    report(`SIGKILL -> ZooKeeper server ${number} (pid ${this.pid(number)})`);
    await this.script('kill', String(number));
  }

  async startOne(number: number): Promise<void> {
    await this.script('startone', String(number));
    report(`ZooKeeper server ${number} is back (pid ${this.pid(number)})`);
  }

  async killAll(): Promise<void> {
    for (const number of this.numbers) await this.kill(number);
  }

  /** All that do not run. */
  async startAll(): Promise<void> {
    await this.script('start');
    report(`ZooKeeper is back, pids ${this.numbers.map((number) => this.pid(number))}`);
  }

  async stop(): Promise<void> {
    await this.script('stop');
  }

  private pid(number: number): string {
    return readFileSync(join(this.directory, String(number), 'pid'), 'utf8').trim();
  }

  private async script(...command: string[]): Promise<string> {
    const env = { ...process.env, ZHUMQ_ZOOKEEPER_DIR: this.directory };
    const { stdout } = await run(SCRIPT, command, { env, encoding: 'utf8' });
    return stdout.trim();
  }
}
