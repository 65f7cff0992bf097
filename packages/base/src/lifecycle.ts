// Starting and stopping a program: its parts start in order and stop in reverse, each exactly once, whatever fails.

export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** Some parts did not stop cleanly: `errors` has one for each, after the one of a start that failed before. */
export class StopFailed extends AggregateError {
  override readonly name = 'StopFailed';
}

export class Lifecycle {
  /** Parts to stop, in the order in which they started. */
  private readonly started: Part[] = [];
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;

  constructor(private readonly parts: readonly Part[]) {}

  /**
   * When a part fails, those before it are stopped and its error is thrown (in a StopFailed if they did not stop either).
   * A second call joins the first.
   */
  start(): Promise<void> {
    // In a turn of its own, so that a part that calls stop while it starts finds a start to wait for.
    this.starting ??= Promise.resolve().then(() => this.startParts());
    return this.starting;
  }

  /**
   * Stops what runs; during a start, once the part that is starting has started. All are stopped even if some fail;
   * then StopFailed is thrown. A second call joins the first.
   */
  stop(): Promise<void> {
    this.stopping ??= this.stopParts();
    return this.stopping;
  }

  private async startParts(): Promise<void> {
    for (const part of this.parts) {
      if (this.stopping !== undefined) throw new Error(`stopped before ${part.name} was started`);
      try {
        await part.start?.();
      } catch (error) {
        const errors = await this.stopStarted();
        if (errors.length === 0) throw error;
        throw stopFailed([asError(error), ...errors]);
      }
      this.started.push(part);
    }
  }

  private async stopParts(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const errors = await this.stopStarted();
    if (errors.length > 0) throw stopFailed(errors);
  }

  private async stopStarted(): Promise<Error[]> {
    const errors: Error[] = [];
    for (let part = this.started.pop(); part !== undefined; part = this.started.pop()) {
      try {
        await part.stop?.();
      } catch (cause) {
        errors.push(new Error(`${part.name} did not stop: ${asError(cause).message}`, { cause }));
      }
    }
    return errors;
  }
}

function stopFailed(errors: readonly Error[]): StopFailed {
  return new StopFailed(errors, errors.map((error) => error.message).join('; '));
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
