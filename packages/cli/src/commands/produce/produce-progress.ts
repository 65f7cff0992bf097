// What a person sees of a produce under way: a counter on a terminal, elsewhere a word when nothing moves.
import { counted, note } from '../../output.js';
import { SILENCE_MS } from '../../waiting.js';
import type { LineSender } from './line-sender.js';

const COUNTER_MS = 200;
/** A stall is told of again after this long. */
const STALLED_AGAIN_MS = 10_000;
/** From then on the reason is told, as soon as there is one. */
const REASON_MS = 3_000;

export class ProduceProgress {
  private readonly timer: NodeJS.Timeout;
  private readonly onTerminal = process.stderr.isTTY && process.stdout.isTTY;
  private counterShown = false;
  private seen = '';
  private seenAtMs = Date.now();
  private toldAtMs = -Infinity;
  private reasonTold = false;

  constructor(
    private readonly sender: Pick<LineSender, 'acknowledged' | 'sent' | 'underWay'>,
    /** Why messages wait. */
    private readonly reasons: () => readonly string[],
    private readonly tell: (line: string) => void = note,
  ) {
    this.timer = setInterval(() => this.tick(), COUNTER_MS);
    if (process.stdin.isTTY)
      tell('Each line is a message; Ctrl-D on an empty line ends the input.');
  }

  end(): void {
    clearInterval(this.timer);
    if (this.counterShown) process.stderr.write('\r\x1b[K');
  }

  private tick(): void {
    const { acknowledged, sent } = this.sender;
    const nowMs = Date.now();
    const present = `${sent} ${acknowledged}`;
    if (present !== this.seen) {
      this.seen = present;
      this.seenAtMs = nowMs;
      this.reasonTold = false;
      // A person who types needs no counter between the lines.
      if (this.onTerminal && !process.stdin.isTTY) this.showCounter();
    } else if (nowMs - this.seenAtMs >= SILENCE_MS) this.maybeTell(nowMs);
  }

  private showCounter(): void {
    const { acknowledged, sent } = this.sender;
    this.counterShown = true;
    process.stderr.write(`\r\x1b[K${acknowledged} acknowledged of ${sent} sent`);
  }

  private maybeTell(nowMs: number): void {
    const { underWay, sent } = this.sender;
    const waitsForInput = underWay === 0;
    if (waitsForInput && (process.stdin.isTTY || sent > 0)) return;
    const [reason, ...others] = waitsForInput ? [] : this.reasons();
    const news = reason !== undefined && !this.reasonTold && nowMs - this.seenAtMs >= REASON_MS;
    const againMs = waitsForInput ? Infinity : STALLED_AGAIN_MS;
    if (nowMs - this.toldAtMs < againMs && !news) return;
    this.toldAtMs = nowMs;
    this.reasonTold = reason !== undefined;
    const more = others.length === 0 ? '' : `, and ${counted(others.length, 'other partition')}`;
    this.tell(
      waitsForInput
        ? 'zhumq: waiting for lines on standard input ...'
        : `zhumq: waiting for the acknowledgement of ${counted(underWay, 'message')}${reason === undefined ? '' : ` (${reason}${more})`} ...`,
    );
  }
}
