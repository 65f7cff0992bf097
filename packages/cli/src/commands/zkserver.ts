// zhumq zkserver: runs one coordinator until a signal.
import { zkServerOptions } from '@zhumq/zkserver';
import { address } from '../arguments.js';
import type { LoadedVerb } from '../command-tree.js';
import { serverEnvironment } from '../servers/environment.js';
import { openMetadataStore } from '../servers/metadata-location.js';
import { runZkServer } from '../servers/run-zkserver.js';
import type { RunningServer } from '../servers/running-server.js';
import { serve } from '../servers/serve.js';
import {
  addServerFlags,
  logSettings,
  metadataLocation,
  optionValues,
  optionalAddress,
  serverId,
  storeToWaitFor,
} from './server-flags.js';
import type { Flags } from './server-flags.js';

export const zkserver: LoadedVerb = {
  flags: (verb) => addServerFlags(verb, zkServerOptions),
  run: (flags) =>
    serve(() => start(flags), {
      json: flags.output === 'json',
      stopWithParent: flags['stop-with-parent'] === true,
      waitsFor: storeToWaitFor(flags),
    }),
};

async function start(flags: Flags): Promise<RunningServer> {
  const id = serverId(flags);
  const settings = {
    id,
    listen: address('listen', String(flags.listen)),
    advertise: optionalAddress('advertise', flags),
    http: optionalAddress('http', flags),
    options: optionValues(zkServerOptions, flags),
  };
  const environment = serverEnvironment(`zkserver-${id}`, logSettings(flags));
  const opened = openMetadataStore(
    metadataLocation(flags),
    settings.options['session.timeout'],
    environment,
  );
  try {
    const server = await runZkServer(settings, opened.store, environment);
    return { ...server, stop: () => server.stop().finally(() => opened.close()) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
