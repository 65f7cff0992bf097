// Records, batches and the persisted messages: bytes to values and back.
export {};
