// A primitive made ready for one frame: the camera's rays and the light in the body's own coordinates, and the samples
// that it can cover.
import type { Primitive, Vec3 } from "./scene.js";
import { dot, scale, subtract } from "./vector.js";
import type { View } from "./view.js";

export type Kind = 0 | 1 | 2 | 3 | 4;
export const BOX = 0;
export const SPHERE = 1;
export const CYLINDER = 2;
export const CAPSULE = 3;
export const DISC = 4;
const KINDS = { box: BOX, sphere: SPHERE, cylinder: CYLINDER, capsule: CAPSULE, disc: DISC } as const;

/** A disc lies so far above its plane, metres, so that it wins over the floor that it is painted on. */
const DISC_LIFT = 0.0005;

export interface Body {
  readonly kind: Kind;
  readonly casts: boolean;
  /** See `Primitive.size`. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly center: Vec3;
  /** The body's axes in the world, and the half extents of a box along them that holds the body. */
  readonly axes: readonly [Vec3, Vec3, Vec3];
  readonly extent: Vec3;
  /** The camera's rays and the direction of the light, in body coordinates. */
  readonly origin: Vec3;
  readonly forward: Vec3;
  readonly right: Vec3;
  readonly up: Vec3;
  readonly light: Vec3;
  /** Shape `[3, 4]`, row-major: world to body coordinates. */
  readonly toBody: Float64Array;
  /** Samples that it may cover: columns [x0, x1], rows [y0, y1]; none where x1 < x0. */
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

/** `primitive` as `view` sees it, lit from `light`. */
export function bodyOf(primitive: Primitive, view: View, light: Vec3): Body {
  const { kind, size, rotation } = primitive;
  const axes = [column(rotation, 0), column(rotation, 1), column(rotation, 2)] as const;
  const lift = scale(axes[2], kind === "disc" ? DISC_LIFT : 0);
  const position = primitive.position;
  const center: Vec3 = [position[0] + lift[0], position[1] + lift[1], position[2] + lift[2]];
  const extent = extentOf(kind, size);
  const local = (v: Vec3): Vec3 => [dot(axes[0], v), dot(axes[1], v), dot(axes[2], v)];
  return {
    kind: KINDS[kind],
    casts: kind !== "disc" && primitive.castsShadow !== false,
    a: size[0],
    b: size[1],
    c: size[2],
    center,
    axes,
    extent,
    origin: local(subtract(view.origin, center)),
    forward: local(view.forward),
    right: local(view.right),
    up: local(view.up),
    light: local(light),
    toBody: Float64Array.from(axes.flatMap((axis) => [...axis, -dot(axis, center)])),
    ...coverage(center, axes, extent, view),
  };
}

function column(rotation: ArrayLike<number>, i: number): Vec3 {
  return [rotation[i] as number, rotation[3 + i] as number, rotation[6 + i] as number];
}

function extentOf(kind: Primitive["kind"], [a, b, c]: Vec3): Vec3 {
  if (kind === "box") return [a, b, c];
  if (kind === "sphere") return [a, a, a];
  if (kind === "disc") return [a, a, 0];
  return [a, a, kind === "capsule" ? a + b : b];
}

/** The rectangle of samples around the eight corners of the box that holds the body. */
function coverage(
  center: Vec3,
  axes: readonly [Vec3, Vec3, Vec3],
  extent: Vec3,
  view: View,
): { x0: number; x1: number; y0: number; y1: number } {
  const [columns, rows] = [view.sx.length, view.sy.length];
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  let behind = 0;
  for (let corner = 0; corner < 8; corner++) {
    const i = corner & 1 ? extent[0] : -extent[0];
    const j = corner & 2 ? extent[1] : -extent[1];
    const k = corner & 4 ? extent[2] : -extent[2];
    const offset: Vec3 = [
      center[0] + i * axes[0][0] + j * axes[1][0] + k * axes[2][0] - view.origin[0],
      center[1] + i * axes[0][1] + j * axes[1][1] + k * axes[2][1] - view.origin[1],
      center[2] + i * axes[0][2] + j * axes[1][2] + k * axes[2][2] - view.origin[2],
    ];
    const depth = dot(offset, view.forward);
    if (depth < 1e-6) {
      behind++;
      continue;
    }
    const sx = dot(offset, view.right) / depth;
    const sy = dot(offset, view.up) / depth;
    left = Math.min(left, sx);
    right = Math.max(right, sx);
    bottom = Math.min(bottom, sy);
    top = Math.max(top, sy);
  }
  if (behind === 8) return { x0: 0, x1: -1, y0: 0, y1: -1 };
  if (behind > 0) return { x0: 0, x1: columns - 1, y0: 0, y1: rows - 1 };
  // A sample's ray runs through its centre: index i is at (i + 0.5) / count of the span. Rounded outwards.
  return {
    x0: Math.max(0, Math.floor((left / view.spanX + 1) * 0.5 * columns - 0.5)),
    x1: Math.min(columns - 1, Math.ceil((right / view.spanX + 1) * 0.5 * columns - 0.5)),
    y0: Math.max(0, Math.floor((1 - top / view.spanY) * 0.5 * rows - 0.5)),
    y1: Math.min(rows - 1, Math.ceil((1 - bottom / view.spanY) * 0.5 * rows - 0.5)),
  };
}
