// What all scripts can count on: names and times of the cluster on the stage.
export const TOPIC = 't';
export const SESSION_MS = 2_000;
/** Of a broker that hears nobody, at most: 20 ticks of 20 ms. */
export const ELECTION_MS = 400;
export const LAG_MS = 2_000;
