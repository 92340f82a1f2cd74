// Turns the physics into a scene to render: every MuJoCo geom is one primitive, coloured by the prefix of its name.
import { ARM } from "./kinematics.js";
import type { Domain } from "./layout.js";
import type { GeomPose, Physics } from "./physics.js";
import type { Camera, Floor, Light, Primitive, Scene, Vec3 } from "./render/scene.js";
import { CUBES, PALETTE } from "./scene-xml.js";

/** `table`: fixed, at three quarters, from the front. `wrist`: on the hand, looking down past the fingers. */
export const CAMERAS = ["table", "wrist"] as const;
export type CameraName = (typeof CAMERAS)[number];

// The whole workspace, hand included, just fills the picture.
const TABLE_CAMERA: Camera = { position: [1.2, -0.35, 0.8], target: [0.356, 0.012, 0.09], up: [0, 0, 1], fovY: 0.53 };
const WRIST_FOV_Y = 1.2;
const TABLE: Floor = {
  color: [0.62, 0.56, 0.46],
  halfSize: [0.44, 0.5],
  center: [0.3, 0],
  around: [0.1, 0.11, 0.13],
};
const LIGHT: Vec3 = [0.35, -0.3, 1];
const ARM_PARTS = ["base", "upper", "fore", "hand", "finger"];
// mjtGeom numbers of MuJoCo. A capsule's and a cylinder's sizes are radius and half length, as the renderer's.
const KINDS: Readonly<Record<number, Primitive["kind"]>> = { 2: "sphere", 3: "capsule", 5: "cylinder", 6: "box" };

interface Shape {
  readonly geom: number;
  readonly part: string;
  readonly kind: Primitive["kind"];
  readonly size: Vec3;
}

export class View {
  readonly #shapes: readonly Shape[];
  readonly #hand: number;

  constructor(physics: Physics) {
    const sizes = physics.geomShapes();
    const names = physics.geomNames();
    this.#hand = names.indexOf("hand");
    this.#shapes = names.flatMap((name, geom) => {
      const [type, a, b, c] = sizes[geom] as [number, number, number, number];
      const part = name.split("-")[0] as string;
      const kind = part === "goal" ? "disc" : KINDS[type];
      return kind === undefined ? [] : [{ geom, part, kind, size: [a, b, c] }];
    });
  }

  /** What `camera` sees of the present state. */
  scene(physics: Physics, domain: Domain, camera: CameraName): Scene {
    const poses = physics.geomPoses();
    const { tints, brightness } = domain;
    return {
      primitives: this.#shapes.map(({ geom, part, kind, size }) => {
        const { position, rotation } = poses[geom] as GeomPose;
        return { kind, size, position, rotation, color: tinted(PALETTE[part] as Vec3, tintOf(part, tints)) };
      }),
      floor: { ...TABLE, color: tinted(TABLE.color, tints.table) },
      background: [0.16, 0.18, 0.22],
      camera: camera === "table" ? tableCamera(domain) : wristCamera(poses[this.#hand] as GeomPose),
      light: lightOf(domain, brightness),
    };
  }
}

function tintOf(part: string, tints: Domain["tints"]): readonly number[] {
  const cube = (CUBES as readonly string[]).indexOf(part);
  if (cube >= 0) return tints.cubes[cube] as readonly number[];
  return ARM_PARTS.includes(part) ? tints.arm : [1, 1, 1];
}

function tableCamera({ camera: [dx, dy, dz] }: Domain): Camera {
  const [x, y, z] = TABLE_CAMERA.position;
  return { ...TABLE_CAMERA, position: [x + dx, y + dy, z + dz] };
}

// In front of the hand (its local +x, a column of the rotation), level with the palm, looking at the table under the tip.
function wristCamera({ position: [x, y, z], rotation }: GeomPose): Camera {
  const ahead: Vec3 = [rotation[0] as number, rotation[3] as number, 0];
  const down = ARM.hand;
  return {
    position: [x + 0.07 * ahead[0], y + 0.07 * ahead[1], z + 0.02],
    target: [x + 0.012 * ahead[0], y + 0.012 * ahead[1], z - down],
    up: ahead,
    fovY: WRIST_FOV_Y,
  };
}

function lightOf({ light: [dx, dy, dz] }: Domain, brightness: number): Light {
  const [x, y, z] = [LIGHT[0] + dx, LIGHT[1] + dy, LIGHT[2] + dz];
  const length = Math.sqrt(x * x + y * y + z * z);
  return { direction: [x / length, y / length, z / length], ambient: 0.4 * brightness, diffuse: 0.75 * brightness };
}

function tinted([r, g, b]: Vec3, [tr, tg, tb]: readonly number[]): Vec3 {
  const channel = (value: number, factor: number | undefined): number => Math.min(1, value * (factor ?? 1));
  return [channel(r, tr), channel(g, tg), channel(b, tb)];
}
