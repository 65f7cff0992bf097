// Stores and replicates partitions, coordinates groups, serves producers and consumers.
export {};
