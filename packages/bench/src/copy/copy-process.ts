// The receiving process of a copy: a server of one connection that writes what comes, and syncs it at the end.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface CopyOrder {
  readonly file: string;
}

export type CopyReport = { readonly port: number } | { readonly done: true };

process.on('message', ({ file }: CopyOrder) => {
  const fd = openSync(file, 'w');
  const server = createServer((socket) => {
    socket.on('data', (chunk) => writeSync(fd, chunk));
    socket.on('end', () => {
      fdatasyncSync(fd);
      closeSync(fd);
      process.send?.({ done: true });
    });
  });
  server.listen(0, '127.0.0.1', () =>
    process.send?.({ port: (server.address() as AddressInfo).port }),
  );
});
process.on('disconnect', () => process.exit());
