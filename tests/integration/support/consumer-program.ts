// A program with a consumer, as a process of its own: a test writes what the program does with `consumer`, and reads what it
// says in lines. Everything that the consumer tells by events it says by itself.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RawConsumerOptions } from '@zhumq/client';

const ROOT = join(__dirname, '../../..');
const EVENTS = ['assigned', 'revoked', 'fenced', 'blocked', 'commitFailed', 'stalled'];

export interface ConsumerProgramOptions {
  readonly bootstrap: string;
  readonly consumer: RawConsumerOptions;
  /** JavaScript with `client`, `consumer` and `say(...words)`. */
  readonly program: string;
  readonly nodeFlags?: readonly string[];
  readonly onLine?: (line: string) => void;
}

export class ConsumerProgram {
  /** What it said so far; events as `event <name> <detail>`. */
  readonly lines: string[] = [];
  private readonly child: ChildProcess;

  constructor({ bootstrap, consumer, program, nodeFlags = [], onLine }: ConsumerProgramOptions) {
    const source = `
      import { writeSync } from 'node:fs';
      import { connect } from '@zhumq/client';
      const say = (...words) => writeSync(1, words.join(' ') + '\\n');
      const client = await connect(${JSON.stringify(bootstrap)}, { connectTimeout: '60s' });
      const consumer = client.consumer(${JSON.stringify(consumer)});
      for (const name of ${JSON.stringify(EVENTS)}) {
        consumer.on(name, ({ error, delayMs, partitions, lost }) => {
          say('event', lost ? 'lost' : name, error?.code ?? delayMs ?? partitions.join(','));
        });
      }
      ${program}
    `;
    const flags = [...nodeFlags, '--input-type=module', '--eval', source];
    this.child = spawn(process.execPath, flags, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(line);
      onLine?.(line);
    });
  }

  said(start: string): boolean {
    return this.lines.some((line) => line.startsWith(start));
  }

  saying(start: string): string[] {
    return this.lines.filter((line) => line.startsWith(start));
  }

  /** Without a word. */
  kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.resolve();
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill('SIGKILL');
    return ended;
  }
}
