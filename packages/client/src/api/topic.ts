// Typed topics and the codecs of keys and values: types only; codecs.ts and define-topic.ts have the code.

/** Turns values to bytes and back. Whatever it throws becomes VALIDATION_FAILED. */
export interface Codec<In, Out = In> {
  readonly name: string;
  encode(value: In): Uint8Array;
  decode(bytes: Buffer): Out;
}

/** A topic with the types of its keys and values, made by defineTopic(). */
export interface Topic<KeyIn, ValueIn, KeyOut = KeyIn, ValueOut = ValueIn> {
  readonly name: string;
  readonly key: Codec<KeyIn, KeyOut>;
  readonly value: Codec<ValueIn, ValueOut>;
}

/** The interface that zod, valibot, arktype and others implement (https://standardschema.dev), as far as it is used. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
  };
}

export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

export interface StandardSchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
