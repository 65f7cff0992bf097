// A connection is traced to the child process that made it.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { nodeBehind } from './connection-source.js';

const VARIABLE = 'ZHUMQ_TEST_NODE';
const traceable = process.platform === 'linux' ? test : test.skip;

traceable('by the variable in its environment; this process is nobody of them', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const program = `require('node:net').connect(${port}, '127.0.0.1').on('error', () => undefined)`;
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, [VARIABLE]: 'broker-2' },
    stdio: 'ignore',
  });
  try {
    const socket = await new Promise<Socket>((resolve) => server.once('connection', resolve));
    socket.on('error', () => undefined);
    expect(nodeBehind(socket.remotePort ?? 0, VARIABLE, 'clients')).toBe('broker-2');
    expect(nodeBehind(port, VARIABLE, 'clients')).toBe('clients');
  } finally {
    child.kill('SIGKILL');
    server.close();
  }
});
