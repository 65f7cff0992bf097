// The coordinator: places partitions, elects leaders, switches modes, answers metadata requests.
export {};
