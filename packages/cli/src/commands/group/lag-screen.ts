// The lag of a group drawn again and again in the same place of a terminal: its course, and a bar for each partition.
import type { GroupLag, GroupPartitionLag } from '@zhumq/client';
import { timeText, totalText } from './lag-form.js';

/** Looks whose course is shown. */
const HISTORY = 60;
const LEVELS = '▁▂▃▄▅▆▇█';
const MAX_BAR = 40;

export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): void;
}

export class LagScreen {
  private readonly course: number[] = [];
  private drawn = 0;

  constructor(private readonly screen: Screen) {}

  show(lag: GroupLag, at: string): void {
    this.course.push(lag.messages);
    if (this.course.length > HISTORY) this.course.shift();
    // A terminal that does not know its size says 0.
    const size = { columns: this.screen.columns || 80, rows: this.screen.rows || 24 };
    const lines = lagFrame(lag, this.course, at, size);
    const back = this.drawn === 0 ? '' : `\x1b[${this.drawn}A\r\x1b[J`;
    this.drawn = lines.length;
    this.screen.write(`${back}${lines.map((line) => `${line}\n`).join('')}`);
  }
}

/** The lines of one picture: never more than fit, none wider than the terminal. */
export function lagFrame(
  lag: GroupLag,
  course: readonly number[],
  at: string,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const head = [`${lag.group}  ${totalText(lag)}  ${at}`, courseText(course), ''];
  const room = Math.max(1, rows - head.length - 2);
  const shown = lag.partitions.length <= room ? lag.partitions : worst(lag.partitions, room);
  const most = Math.max(1, ...lag.partitions.map(({ messages }) => messages));
  const names = shown.map(({ topic, partition }) => `${topic}-${partition}`);
  const width = Math.max(0, ...names.map((name) => name.length));
  const counts = shown.map(countText);
  const countWidth = Math.max(0, ...counts.map((text) => text.length));
  const bar = Math.max(0, Math.min(MAX_BAR, columns - width - countWidth - 5));
  const lines = shown.map(({ messages }, index) => {
    const filled = '█'.repeat(messages <= 0 ? 0 : Math.max(1, Math.round((bar * messages) / most)));
    return `${names[index].padEnd(width)}  ${counts[index].padStart(countWidth)}  ${filled}`;
  });
  const hidden = lag.partitions.length - shown.length;
  if (hidden > 0) lines.push(`and ${hidden} more, with less`);
  return [...head, ...lines].map((line) => line.slice(0, Math.max(1, columns - 1)).trimEnd());
}

function countText({ messages, seconds, problem }: GroupPartitionLag): string {
  if (problem !== '') return 'not known';
  return messages === 0 ? '0' : `${messages}  ${timeText(Math.max(0, seconds))}`;
}

/** Those that are furthest behind, in their order. */
function worst(partitions: readonly GroupPartitionLag[], count: number): GroupPartitionLag[] {
  const chosen = new Set(
    [...partitions].sort((one, other) => other.messages - one.messages).slice(0, count),
  );
  return partitions.filter((one) => chosen.has(one));
}

/** A small curve: the highest of the last looks is the top. */
function courseText(course: readonly number[]): string {
  const most = Math.max(1, ...course);
  return course
    .map((messages) => LEVELS[Math.min(7, Math.ceil((7 * Math.max(0, messages)) / most))])
    .join('');
}
