// zhumq config: a noun with one verb, which knows the options of all servers and is loaded when it is named.
import type { Command } from '../command-tree.js';
import { loaded } from '../command-tree.js';

const print = loaded(
  'print <server>',
  'Print the options of a server with their origins',
  async () => (await import('./config/print.js')).printConfig,
);

export const configCommand: Command = {
  register: (program, run) =>
    program.command('config', 'Show configuration', (noun) =>
      print.register(noun, run).demandCommand(1, 'Name a verb: print'),
    ),
};
