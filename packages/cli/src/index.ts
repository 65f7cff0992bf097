// The `zhumq` command: runs the servers, administers, produces and consumes.
export {};
