// Figures for people.
import { formatBytes } from '@zhumq/base';

export function perSecond(messages: number): string {
  return `${messages.toLocaleString('en-US')} messages/s`;
}

export function bytesOf(bytes: number | undefined): string {
  return bytes === undefined ? '?' : formatBytes(bytes);
}

export function latencyLine(ms: {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}): string {
  return `latency        p50 ${ms.p50} ms, p99 ${ms.p99} ms, p99.9 ${ms.p999} ms, max ${ms.max} ms`;
}
