// What strangers say to the port for operators: requests of every kind, half of them broken.
import { connect } from 'node:net';
import type { Random } from '@zhumq/base';

export interface HttpAttackOptions {
  readonly host: string;
  readonly port: number;
  readonly random: Random;
  readonly goesOn: () => boolean;
}

const METHODS = ['GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'G\0T', ''];
const PATHS = [
  ...['/metrics', '/livez', '/readyz', '/', '//', '/../etc/passwd', '/%00', '/metrics?x=1', '*'],
  ...['http://other/', '/' + 'a'.repeat(9_000), '/__proto__'],
];
const HEADERS = [
  ...['Host: zhumq', 'Content-Length: 5', 'Content-Length: -1', 'Transfer-Encoding: chunked'],
  ...['Connection: keep-alive', 'Expect: 100-continue', 'Upgrade: h2c', 'Host: a\r\nHost: b'],
  ...[`X: ${'y'.repeat(9_000)}`, 'Bad header', ': empty', 'Range: bytes=0-1'],
];
const PAUSE_MS = 20;
const PATIENCE_MS = 200;

/** Resolves with the number of requests. */
export async function attackHttp(options: HttpAttackOptions): Promise<number> {
  let requests = 0;
  while (options.goesOn()) {
    await visit(options);
    requests += 1;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return requests;
}

function visit({ host, port, random }: HttpAttackOptions): Promise<void> {
  const oneOf = <T>(values: readonly T[]): T => values[random.below(values.length)];
  const headers = Array.from({ length: random.below(4) }, () => oneOf(HEADERS));
  const request = `${oneOf(METHODS)} ${oneOf(PATHS)} HTTP/${oneOf(['1.1', '1.0', '9.9', ''])}\r\n`;
  const whole = Buffer.from(
    `${request}${headers.join('\r\n')}\r\n\r\n${oneOf(['', 'hello', '5\r\nab'])}`,
  );
  const bytes = random.below(4) === 0 ? whole.subarray(0, random.below(whole.length)) : whole;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.write(bytes);
    if (random.below(3) === 0) socket.end();
  });
}
