// A method as the wire sees it: its name in the header of a message, and the generated classes of its values.
import { RequestFailed } from '../generated/common_types.js';
import type { Failure } from '../generated/common_types.js';
import type { MethodTable, ServiceTable, Struct } from '../generated/services.js';
import { CALL, EXCEPTION, ONEWAY, REPLY } from './wire/message-reader.js';

/** The value of an answer: one of the two is set. */
export interface Answer extends Struct {
  readonly success?: unknown;
  readonly failed?: { readonly failure: Failure };
}

export class Method {
  readonly name: string;
  readonly oneway: boolean;
  /** False when an answer without a value is right. */
  readonly answers: boolean;
  /** Names of the arguments, in order. */
  readonly parameters: readonly string[];
  readonly callHeader: Buffer;
  readonly replyHeader: Buffer;

  constructor(private readonly table: MethodTable) {
    this.name = table.name;
    this.oneway = table.oneway;
    this.answers = table.answers;
    this.parameters = table.parameters;
    this.callHeader = messageHeader(table.oneway ? ONEWAY : CALL, table.name);
    this.replyHeader = messageHeader(REPLY, table.name);
  }

  /** The arguments as one value to be written; nested plain objects are taken over into generated classes. */
  packArguments(values: readonly unknown[]): Struct {
    const named: Record<string, unknown> = {};
    for (let index = 0; index < this.parameters.length; index++) {
      named[this.parameters[index]] = values[index];
    }
    return new this.table.Arguments(named);
  }

  /** An empty value to read arguments into; its fields are called like the parameters. */
  emptyArguments(): Struct & Readonly<Record<string, unknown>> {
    return new this.table.Arguments() as Struct & Readonly<Record<string, unknown>>;
  }

  packResult(value: unknown): Struct {
    return new this.table.Result(this.answers ? { success: value } : undefined);
  }

  packFailure(failure: Failure): Struct {
    return new this.table.Result({ failed: new RequestFailed({ failure }) });
  }

  emptyResult(): Answer {
    return new this.table.Result();
  }
}

/** Methods of a service; made once for each service. */
export function methodsOf(service: ServiceTable): readonly Method[] {
  return service.methods.map((table) => new Method(table));
}

/** What stands before the sequence id. */
export function messageHeader(kind: number, name: string): Buffer {
  const bytes = Buffer.byteLength(name);
  const header = Buffer.alloc(8 + bytes);
  header.writeUInt32BE((0x8001_0000 | kind) >>> 0, 0);
  header.writeInt32BE(bytes, 4);
  header.write(name, 8);
  return header;
}

export const exceptionHeader = (name: string): Buffer => messageHeader(EXCEPTION, name);
