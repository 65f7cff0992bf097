// The two ways in which received bytes can be wrong. Neither leaves this package.

/** The bytes are no message, or end too early: nothing that follows on the connection can be trusted. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** The message is whole, but a value in it can not be used: only this message is refused. */
export class UnusableValue extends Error {
  override readonly name = 'UnusableValue';
}
