// Libraries that a server needs and most runs of the command line do not: loaded when they are called for first, or they
// would be a third of the time that a command takes to begin.
import { createRequire } from 'node:module';
import type Pino from 'pino';
import type * as PromClient from 'prom-client';
import type * as Zod from 'zod';

const load = createRequire(__filename);

export function pinoLibrary(): typeof Pino {
  return load('pino') as typeof Pino;
}

export function promClientLibrary(): typeof PromClient {
  return load('prom-client') as typeof PromClient;
}

export function zodLibrary(): typeof Zod {
  return load('zod') as typeof Zod;
}
