// The simulator and the checkers; for tests only.
export {};
