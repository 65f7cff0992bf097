// Time, identity, options, errors, logs and metrics: what every other package stands on.
export {};
