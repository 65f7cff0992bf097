// The pure Raft core: a message or a tick in, effects out; no input, output, clock or randomness.
export {};
