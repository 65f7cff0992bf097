// For clients that send what one call gives them as one request: an application that wants to be fast gathers what it has to
// send while earlier requests are under way.
'use strict';

class Batcher {
  /** `sendBatch(values)`: one request; `calls` of them may be under way. */
  constructor(sendBatch, { calls, messages }) {
    this.sendBatch = sendBatch;
    this.calls = calls;
    this.messages = messages;
    this.waiting = [];
    this.underWay = 0;
    this.scheduled = false;
  }

  send(value) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ value, resolve, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.flush();
      });
    });
  }

  flush() {
    while (this.underWay < this.calls && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.messages);
      this.underWay++;
      this.sendBatch(batch.map(({ value }) => value))
        .then(
          () => batch.forEach(({ resolve }) => resolve()),
          (error) => batch.forEach(({ reject }) => reject(error)),
        )
        .finally(() => {
          this.underWay--;
          this.flush();
        });
    }
  }
}

module.exports = { Batcher };
