// Brings the programs of the peers into a cache folder, each through the ordinary client of its registry, as that is set up
// on the machine. Nothing is installed on the machine itself, and no service is started.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const NATS_VERSION = 'v2.12.1';
const HERE = __dirname;

class Tools {
  constructor(cache) {
    this.cache = cache;
    fs.mkdirSync(cache, { recursive: true });
  }

  /** nats-server of Debian: a version that can not sync each message. */
  natsOfDebian() {
    const root = this.debianPackages('nats-debian', () => ['nats-server']);
    return path.join(root, 'usr/sbin/nats-server');
  }

  nats() {
    const folder = path.join(this.cache, `nats-${NATS_VERSION}`);
    const program = path.join(folder, 'nats-server');
    if (!fs.existsSync(program)) {
      say(`building nats-server ${NATS_VERSION}`);
      run('go', ['install', `github.com/nats-io/nats-server/v2@${NATS_VERSION}`], {
        env: { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false' },
      });
    }
    return program;
  }

  /** The load program on NATS's own Go client. */
  natsLoad() {
    const program = path.join(this.cache, 'nats-load');
    const source = path.join(HERE, 'nats-load');
    const newest = Math.max(
      ...fs.readdirSync(source).map((file) => fs.statSync(path.join(source, file)).mtimeMs),
    );
    if (!fs.existsSync(program) || fs.statSync(program).mtimeMs < newest) {
      say('building the load program of NATS');
      run('go', ['build', '-buildvcs=false', '-o', program, '.'], { cwd: source });
    }
    return program;
  }

  /** Folder in which /usr of RabbitMQ and of its Erlang lie. */
  rabbitmq() {
    const root = this.debianPackages('rabbitmq-debian', () => [
      'rabbitmq-server',
      ...dependencies('rabbitmq-server').filter((name) => name.startsWith('erlang-')),
    ]);
    // Erlang's scripts name the folder that Debian would have put them in.
    const erlang = path.join(root, 'usr/lib/erlang');
    for (const script of ['bin/erl', 'bin/start']) {
      const file = path.join(erlang, script);
      const text = fs.readFileSync(file, 'utf8');
      fs.writeFileSync(
        file,
        text.replace(/ROOTDIR="?\/usr\/lib\/erlang"?/g, `ROOTDIR="${erlang}"`),
      );
    }
    return root;
  }

  /** Folder of Kafka's jars. */
  kafka() {
    const pom = path.join(HERE, 'pom.xml');
    const version = /<kafka.version>(.*)</.exec(fs.readFileSync(pom, 'utf8'))[1];
    const folder = path.join(this.cache, `kafka-${version}`);
    if (!fs.existsSync(folder)) {
      say(`resolving Apache Kafka ${version}`);
      const made = `${folder}.new`;
      fs.rmSync(made, { recursive: true, force: true });
      const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
      run('mvn', ['-q', '-B', '-f', pom, ...goal, `-DoutputDirectory=${made}`]);
      fs.renameSync(made, folder);
    }
    return { folder, version };
  }

  /** The Node.js clients, in node_modules beside this file. */
  clients() {
    const lock = fs.statSync(path.join(HERE, 'package-lock.json')).mtimeMs;
    const installed = path.join(HERE, 'node_modules/.package-lock.json');
    if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= lock) return;
    say('installing the clients');
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: HERE });
  }

  debianPackages(name, packages) {
    const root = path.join(this.cache, name);
    if (fs.existsSync(root)) return root;
    const names = packages();
    say(`unpacking ${names[0]} of Debian`);
    const made = `${root}.new`;
    fs.rmSync(made, { recursive: true, force: true });
    fs.mkdirSync(made, { recursive: true });
    run('apt-get', ['download', '-qq', ...names], { cwd: made });
    for (const file of fs.readdirSync(made).filter((entry) => entry.endsWith('.deb'))) {
      run('dpkg', ['-x', file, '.'], { cwd: made });
      fs.rmSync(path.join(made, file));
    }
    fs.renameSync(made, root);
    return root;
  }
}

function dependencies(name) {
  const not = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const flags = not.map((kind) => `--no-${kind}`);
  const text = execFileSync('apt-cache', ['depends', '--recurse', ...flags, name]).toString();
  return [...new Set(text.match(/^[a-z][a-z0-9+.-]*/gm))];
}

function run(program, args, options = {}) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  } catch (error) {
    const last = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    throw new Error(
      `${program} ${args.slice(0, 3).join(' ')} … failed: ${error.message.split('\n')[0]}\n${last}`,
    );
  }
}

function say(text) {
  process.stderr.write(`bench-peers: ${text} ...\n`);
}

module.exports = { Tools };
