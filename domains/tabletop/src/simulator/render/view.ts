// The rays of a camera: the ray of image coordinates (sx, sy) starts at `origin` and runs along
// forward + sx * right + sy * up, so that a ray's t is the depth in metres and directions are linear in sx and sy.
import type { Camera, Vec3 } from "./scene.js";
import { cross, normalize, subtract } from "./vector.js";

export interface View {
  readonly origin: Vec3;
  readonly forward: Vec3;
  readonly right: Vec3;
  readonly up: Vec3;
  /** sx of every column of samples, left to right, in (-spanX, spanX); sy of every row, top to bottom. */
  readonly sx: Float64Array;
  readonly sy: Float64Array;
  readonly spanX: number;
  readonly spanY: number;
}

/** The rays of `camera` through the centres of a grid of `columns` by `rows` square cells. */
export function viewOf(camera: Camera, columns: number, rows: number): View {
  const forward = normalize(subtract(camera.target, camera.position));
  const right = normalize(cross(forward, camera.up));
  const up = cross(right, forward);
  const spanY = tangent(camera.fovY / 2);
  const spanX = (spanY * columns) / rows;
  const sx = Float64Array.from({ length: columns }, (_, column) => ((2 * column + 1) / columns - 1) * spanX);
  const sy = Float64Array.from({ length: rows }, (_, row) => (1 - (2 * row + 1) / rows) * spanY);
  return { origin: camera.position, forward, right, up, sx, sy, spanX, spanY };
}

/**
 * tan(x) for |x| < pi / 2 by Lambert's continued fraction, to about 1e-15: Math.tan may differ in its last bit from one
 * JavaScript engine to the next.
 */
export function tangent(x: number): number {
  let denominator = 1;
  for (let odd = 25; odd >= 1; odd -= 2) denominator = odd - (odd === 25 ? 0 : (x * x) / denominator);
  return x / denominator;
}
