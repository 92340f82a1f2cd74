// What the page knows of the shipped tabletop beyond what a spec says: where its camera looks from, so that "left" on the
// keyboard is left in the picture, and where its arm can go, so that the autopilot stays where something happens.

/** Directions in the picture as unit vectors of the table's (x, y). */
export const RIGHT = [0.394, 0.919] as const;
export const NEARER = [0.919, -0.394] as const;

/** How many metres of table the picture shows from left to right, and from top to bottom. */
export const PICTURE_METRES = { across: 0.63, along: 1.03 } as const;

/** Where cubes and targets stand and the arm reaches, m and rad: `[low, high]` by the first word of a reading's name. */
export const BUSY_BOX: Readonly<Record<string, readonly [number, number]>> = {
  x: [0.26, 0.46],
  y: [-0.2, 0.2],
  z: [0.02, 0.16],
  yaw: [-0.8, 0.8],
};
