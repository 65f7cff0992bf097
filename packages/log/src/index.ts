// Segments, indexes and the block cache: the only place where partitions meet the disk.
export {};
