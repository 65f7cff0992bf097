// The metadata store: one port, on ZooKeeper or embedded.
export {};
