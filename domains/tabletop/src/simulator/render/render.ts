// The picture of a scene: ray casting with 2 x 2 samples a pixel, Lambert shading, hard shadows of one light. The same
// scene gives the same bytes on every machine: each number comes from IEEE + - * / and sqrt, and tables made of them.
import { ShapeError } from "@worldstep/protocols";
import { type Body, bodyOf } from "./body.js";
import { enters, hit, ray } from "./intersect.js";
import type { Light, Scene } from "./scene.js";
import { Shadows } from "./shadow.js";
import { SRGB_BYTES, SRGB_LEVELS } from "./srgb.js";
import { type View, viewOf } from "./view.js";

// What a sample shows: one of these, or FIRST_BODY + the index of a primitive.
const BACKGROUND = 0;
const GROUND = 1;
const TABLE = 2;
const FIRST_BODY = 3;

/** Surfaces turned away from the light lose up to this share of the ambient light, so that their form stays visible. */
const DARK_SIDE = 0.45;

// Four samples a pixel, row-major; grown when a larger picture is asked for, and shared by all.
let depth = new Float64Array(0);
let shown = new Uint16Array(0);
/** First the cosine of the angle between the surface's normal and the light, then the light that it sends back. */
let light = new Float64Array(0);
const shadows = new Shadows();
const point = new Float64Array(3);

/**
 * Draws `scene` into `out`, shape `[height, width, 3]`, uint8, sRGB, row-major from the top left.
 * Throws `ShapeError` unless `out` has that many elements.
 */
export function render(scene: Scene, width: number, height: number, out: Uint8Array): void {
  if (out.length !== width * height * 3) throw new ShapeError("out", [height, width, 3], [out.length]);
  const samples = width * height * 4;
  if (depth.length < samples) {
    depth = new Float64Array(samples);
    shown = new Uint16Array(samples);
    light = new Float64Array(samples);
  }
  const view = viewOf(scene.camera, width * 2, height * 2);
  const bodies = scene.primitives.map((primitive) => bodyOf(primitive, view, scene.light.direction));
  castFloor(scene, view);
  for (let i = 0; i < bodies.length; i++) castBody(bodies[i] as Body, FIRST_BODY + i, view);
  shadows.build(bodies, scene.light.direction);
  shade(scene.light, view);
  resolve(scene, width, height, out);
}

/** Starts every sample: the plane z = 0, or the background where the ray never meets it. */
function castFloor({ floor, light: { direction } }: Scene, { origin, forward, right, up, sx, sy }: View): void {
  const [halfX, halfY] = floor.halfSize;
  const [x0, y0] = [origin[0] - floor.center[0], origin[1] - floor.center[1]];
  const height = origin[2];
  const facing = direction[2];
  const [rightX, rightY, rightZ] = right;
  for (let row = 0, sample = 0; row < sy.length; row++) {
    const y = sy[row] as number;
    const [rowX, rowY, rowZ] = [forward[0] + y * up[0], forward[1] + y * up[1], forward[2] + y * up[2]];
    for (let column = 0; column < sx.length; column++, sample++) {
      const x = sx[column] as number;
      const t = -height / (rowZ + x * rightZ);
      if (!(t > 0 && t < Infinity && height > 0)) {
        depth[sample] = Infinity;
        shown[sample] = BACKGROUND;
        continue;
      }
      const onTable =
        Math.abs(x0 + t * (rowX + x * rightX)) <= halfX && Math.abs(y0 + t * (rowY + x * rightY)) <= halfY;
      depth[sample] = t;
      light[sample] = facing;
      shown[sample] = onTable ? TABLE : GROUND;
    }
  }
}

/** Casts a ray through every sample that `body` may cover, and keeps it where it is nearest. */
function castBody(body: Body, id: number, { sx, sy }: View): void {
  const { origin, forward, right, up, x0, x1, y0, y1 } = body;
  const [lightX, lightY, lightZ] = body.light;
  const [rightX, rightY, rightZ] = right;
  ray.set(origin);
  for (let row = y0; row <= y1; row++) {
    const y = sy[row] as number;
    const [rowX, rowY, rowZ] = [forward[0] + y * up[0], forward[1] + y * up[1], forward[2] + y * up[2]];
    for (let column = x0; column <= x1; column++) {
      const x = sx[column] as number;
      ray[3] = rowX + x * rightX;
      ray[4] = rowY + x * rightY;
      ray[5] = rowZ + x * rightZ;
      const sample = row * sx.length + column;
      if (!enters(body) || (hit[0] as number) >= (depth[sample] as number)) continue;
      depth[sample] = hit[0] as number;
      light[sample] = (hit[1] as number) * lightX + (hit[2] as number) * lightY + (hit[3] as number) * lightZ;
      shown[sample] = id;
    }
  }
}

/** Turns the cosines in `light` into light: ambient alone on the dark side and in shadow. */
function shade({ ambient, diffuse }: Light, { origin, forward, right, up, sx, sy }: View): void {
  const [originX, originY, originZ] = origin;
  const [rightX, rightY, rightZ] = right;
  for (let row = 0, sample = 0; row < sy.length; row++) {
    const y = sy[row] as number;
    const [rowX, rowY, rowZ] = [forward[0] + y * up[0], forward[1] + y * up[1], forward[2] + y * up[2]];
    for (let column = 0; column < sx.length; column++, sample++) {
      const id = shown[sample] as number;
      if (id === BACKGROUND) {
        light[sample] = 1;
        continue;
      }
      const cosine = light[sample] as number;
      if (cosine <= 0) {
        light[sample] = ambient * (1 + DARK_SIDE * cosine);
        continue;
      }
      const x = sx[column] as number;
      const t = depth[sample] as number;
      point[0] = originX + t * (rowX + x * rightX);
      point[1] = originY + t * (rowY + x * rightY);
      point[2] = originZ + t * (rowZ + x * rightZ);
      light[sample] = shadows.reaches(point, id - FIRST_BODY) ? ambient : ambient + diffuse * cosine;
    }
  }
}

/** Colours the samples and writes the mean of each pixel's four, which is taken in linear light. */
function resolve({ floor, background, primitives }: Scene, width: number, height: number, out: Uint8Array): void {
  const colors = [background, floor.around, floor.color, ...primitives.map((primitive) => primitive.color)];
  const palette = Float64Array.from(colors.flat());
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let part = 0; part < 4; part++) {
        const sample = (row * 2 + (part >> 1)) * width * 2 + column * 2 + (part & 1);
        const color = (shown[sample] as number) * 3;
        const share = light[sample] as number;
        red += share * (palette[color] as number);
        green += share * (palette[color + 1] as number);
        blue += share * (palette[color + 2] as number);
      }
      out[at] = srgb(red / 4);
      out[at + 1] = srgb(green / 4);
      out[at + 2] = srgb(blue / 4);
    }
  }
}

function srgb(linear: number): number {
  return SRGB_BYTES[linear < 1 ? (linear * (SRGB_LEVELS - 1) + 0.5) | 0 : SRGB_LEVELS - 1] as number;
}
