// What the renderer draws, as plain data. World coordinates in metres, z up; the table top is the plane z = 0.

/** Three numbers: x, y, z in metres, or linear red, green, blue in [0, 1]. */
export type Vec3 = readonly [number, number, number];

/** A solid of one colour. Solids are seen from outside only: a camera within one looks out through it. */
export interface Primitive {
  readonly kind: "box" | "sphere" | "cylinder" | "capsule" | "disc";
  /** Centre, world, metres. */
  readonly position: Vec3;
  /** Shape `[3, 3]`, row-major, a rotation from body to world: the columns are the body's axes. */
  readonly rotation: ArrayLike<number>;
  /**
   * Metres. Box: half extents. Sphere: radius. Cylinder and capsule: radius, half length along local z (a capsule's
   * round ends come on top). Disc: radius; flat on its local xy plane, drawn 0.5 mm above it, seen from local +z.
   */
  readonly size: Vec3;
  /** Linear, in [0, 1]. */
  readonly color: Vec3;
  /** Default true. Discs never cast one. */
  readonly castsShadow?: boolean;
}

/** A pinhole camera; the pixels are square. */
export interface Camera {
  readonly position: Vec3;
  readonly target: Vec3;
  /** Any vector that is not parallel to the line of sight. */
  readonly up: Vec3;
  /** Vertical field of view, radians, in (0, pi). */
  readonly fovY: number;
}

/** One light, infinitely far. A surface shows its colour times `ambient + diffuse * cos(angle to the light)`. */
export interface Light {
  /** Unit vector towards the light. */
  readonly direction: Vec3;
  readonly ambient: number;
  readonly diffuse: number;
}

/** The plane z = 0: a rectangle of table top, and the ground around it. Colours linear; metres. */
export interface Floor {
  readonly color: Vec3;
  readonly halfSize: readonly [number, number];
  readonly center: readonly [number, number];
  readonly around: Vec3;
}

export interface Scene {
  readonly primitives: readonly Primitive[];
  readonly floor: Floor;
  /** Colour above the horizon, linear, not lit. */
  readonly background: Vec3;
  readonly camera: Camera;
  readonly light: Light;
}
