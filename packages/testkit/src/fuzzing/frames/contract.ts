// The contracts as the fuzzer sees them: every service, method and struct of idl/*.thrift, read from these files, so
// that a method that is added tomorrow is attacked tomorrow. Reads as much of Thrift's language as they use.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type TypeSchema =
  | { readonly kind: Scalar }
  | { readonly kind: 'enum'; readonly values: readonly number[] }
  | { readonly kind: 'list' | 'set'; readonly item: TypeSchema }
  | { readonly kind: 'map'; readonly key: TypeSchema; readonly value: TypeSchema }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly FieldSchema[] };

export type Scalar = 'bool' | 'byte' | 'i16' | 'i32' | 'i64' | 'double' | 'string' | 'binary';

export interface FieldSchema {
  readonly id: number;
  readonly name: string;
  readonly optional: boolean;
  readonly type: TypeSchema;
}

export interface MethodSchema {
  readonly service: string;
  readonly name: string;
  readonly oneway: boolean;
  readonly parameters: readonly FieldSchema[];
  /** Undefined for void. */
  readonly result: TypeSchema | undefined;
  readonly throws: readonly FieldSchema[];
}

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  ...(['bool', 'byte', 'i16', 'i32', 'i64', 'double', 'string', 'binary'] as const),
]);

/** All methods of all services, in the order of the files. Throws for what it does not understand. */
export function readContracts(directory: string): MethodSchema[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.thrift'));
  const parsers = files.sort().map((name) => {
    const parser = new IdlParser(name, readFileSync(join(directory, name), 'utf8'));
    parser.parse();
    return parser;
  });
  const types = new Map(parsers.flatMap(({ declared }) => [...declared]));
  for (const parser of parsers) parser.resolve(types);
  return parsers.flatMap(({ methods }) => methods);
}

type Declared = Extract<TypeSchema, { kind: 'struct' | 'enum' }>;

class IdlParser {
  readonly declared = new Map<string, Declared>();
  readonly methods: MethodSchema[] = [];
  private readonly tokens: readonly string[];
  private at = 0;
  /** Names whose meaning another file may give; called when all files were read. */
  private readonly open: ((types: ReadonlyMap<string, Declared>) => void)[] = [];

  constructor(
    private readonly file: string,
    text: string,
  ) {
    const bare = text.replace(/\/\*[^]*?\*\/|\/\/.*|#.*/g, ' ');
    this.tokens = bare.match(/"[^"]*"|[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?|[{}()<>,:;=*]/g) ?? [];
  }

  parse(): void {
    while (this.at < this.tokens.length) {
      const word = this.take();
      if (word === 'namespace') this.at += 2;
      else if (word === 'include') this.at += 1;
      else if (word === 'enum') this.parseEnum();
      else if (word === 'struct' || word === 'exception') this.parseStruct();
      else if (word === 'service') this.parseService();
      else throw new Error(`${this.file}: what is ${word}?`);
    }
  }

  resolve(types: ReadonlyMap<string, Declared>): void {
    for (const settle of this.open) settle(types);
  }

  private parseEnum(): void {
    const name = this.take();
    const values: number[] = [];
    this.expect('{');
    while (!this.skip('}')) {
      this.take();
      this.expect('=');
      values.push(Number(this.take()));
      this.skipSeparator();
    }
    this.declared.set(name, { kind: 'enum', values });
  }

  private parseStruct(): void {
    const name = this.take();
    this.expect('{');
    this.declared.set(name, { kind: 'struct', name, fields: this.parseFields('}') });
  }

  private parseService(): void {
    const service = this.take();
    this.expect('{');
    while (!this.skip('}')) {
      const oneway = this.skip('oneway');
      const result = this.skip('void') ? undefined : this.parseType();
      const name = this.take();
      this.expect('(');
      const parameters = this.parseFields(')');
      const throws = this.skip('throws') ? (this.expect('('), this.parseFields(')')) : [];
      this.skipSeparator();
      this.methods.push({ service, name, oneway, parameters, result, throws });
    }
  }

  private parseFields(end: string): FieldSchema[] {
    const fields: FieldSchema[] = [];
    while (!this.skip(end)) {
      const id = Number(this.take());
      this.expect(':');
      const optional = this.skip('optional');
      const type = this.parseType();
      const name = this.take();
      // A field that has a default may be absent.
      const hasDefault = this.skip('=');
      if (hasDefault) this.take();
      this.skipSeparator();
      fields.push({ id, name, optional: optional || hasDefault, type });
    }
    return fields;
  }

  private parseType(): TypeSchema {
    const word = this.take();
    if (SCALARS.has(word)) return { kind: word as Scalar };
    if (word === 'list' || word === 'set') {
      this.expect('<');
      const item = this.parseType();
      this.expect('>');
      return { kind: word, item };
    }
    if (word === 'map') {
      this.expect('<');
      const key = this.parseType();
      this.expect(',');
      const value = this.parseType();
      this.expect('>');
      return { kind: 'map', key, value };
    }
    return this.parseName(word);
  }

  /** Names are unique over all files, so that the file's own prefix says nothing. */
  private parseName(word: string): TypeSchema {
    const name = word.slice(word.lastIndexOf('.') + 1);
    const type = { kind: 'struct', name, fields: [] };
    this.open.push((types) => {
      const found = types.get(name);
      if (found === undefined) throw new Error(`${this.file}: nothing declares ${name}`);
      Object.assign(type, found);
    });
    return type as TypeSchema;
  }

  private take(): string {
    const word = this.tokens.at(this.at++);
    if (word === undefined) throw new Error(`${this.file} ends too early`);
    return word;
  }

  private skip(word: string): boolean {
    if (this.tokens[this.at] !== word) return false;
    this.at += 1;
    return true;
  }

  private expect(word: string): void {
    const found = this.take();
    if (found !== word) throw new Error(`${this.file}: ${word} was expected, not ${found}`);
  }

  private skipSeparator(): void {
    if (!this.skip(',')) this.skip(';');
  }
}
