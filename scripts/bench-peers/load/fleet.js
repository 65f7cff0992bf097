// Load processes from the parent's side.
'use strict';
const { fork } = require('node:child_process');
const path = require('node:path');

class Fleet {
  constructor(name, jobs) {
    this.members = jobs.map((job, index) => new Member(`${name}-${index + 1}`, job));
  }

  async ready() {
    await Promise.all(this.members.map(({ ready }) => ready));
  }

  tell(order) {
    for (const member of this.members) member.tell({ order });
  }

  outcomes() {
    return Promise.all(this.members.map(({ outcome }) => outcome));
  }

  /** How much of `field` all of them have. */
  sum(field) {
    return this.members.reduce((total, member) => total + member[field], 0);
  }

  pids() {
    return this.members.map(({ child }) => child.pid);
  }

  /** Rejects when one of them fails. */
  failure() {
    return Promise.race(this.members.map(({ failed }) => failed));
  }

  kill() {
    for (const { child } of this.members) child.kill('SIGKILL');
  }
}

class Member {
  constructor(name, job) {
    this.messages = this.distinct = 0;
    this.child = fork(path.join(__dirname, 'load-process.js'), { serialization: 'advanced' });
    let isReady;
    let done;
    this.failed = new Promise((_, reject) => {
      this.child.on('exit', (code, signal) =>
        reject(new Error(`${name} ended (${signal ?? code})`)),
      );
      this.child.on('message', (report) => {
        if (report.report === 'ready') isReady();
        else if (report.report === 'done') done(report.outcome);
        else if (report.report === 'progress') Object.assign(this, pick(report));
        else reject(new Error(`${name}: ${report.message}`));
      });
    });
    this.ready = Promise.race([this.failed, new Promise((resolve) => (isReady = resolve))]);
    this.outcome = Promise.race([this.failed, new Promise((resolve) => (done = resolve))]);
    for (const promise of [this.failed, this.ready, this.outcome]) promise.catch(() => undefined);
    this.tell({ order: 'job', job });
  }

  tell(order) {
    if (this.child.connected) this.child.send(order);
  }
}

function pick({ messages, distinct }) {
  return { messages, distinct };
}

module.exports = { Fleet };
