import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { bodyOf } from "./body.js";
import { enters, hit, ray } from "./intersect.js";
import { render } from "./render.js";
import type { Primitive, Scene, Vec3 } from "./scene.js";
import { shades } from "./shadow.js";
import { linearColor, linearOf, SRGB_BYTES, SRGB_LEVELS } from "./srgb.js";
import { cross, normalize, scale, subtract } from "./vector.js";
import { viewOf } from "./view.js";

const UPRIGHT = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const WHITE: Vec3 = [1, 1, 1];
const BLACK: Vec3 = [0, 0, 0];

/** Looks straight down from (0, 0, 2) on white things on a black table, x to the right; a pixel's side at z = 0 is 1/16 m. */
function fromAbove(...primitives: Primitive[]): Scene {
  return {
    primitives,
    floor: { color: BLACK, halfSize: [9, 9], center: [0, 0], around: BLACK },
    background: BLACK,
    camera: { position: [0, 0, 2], target: [0, 0, 0], up: [0, 1, 0], fovY: Math.PI / 2 },
    light: { direction: [0, 0, 1], ambient: 1, diffuse: 0 },
  };
}

function draw(scene: Scene, width = 64, height = width): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  render(scene, width, height, out);
  return out;
}

function pixel(image: Uint8Array, column: number, row: number, width = 64): number[] {
  return [...image.subarray((row * width + column) * 3, (row * width + column) * 3 + 3)];
}

test("a ball covers the area of its projection", () => {
  const ball: Primitive = { kind: "sphere", position: [0, 0, 0.5], rotation: UPRIGHT, size: [0.6, 0, 0], color: WHITE };
  const image = draw(fromAbove(ball));
  let covered = 0;
  for (let i = 0; i < image.length; i += 3) covered += linearOf((image[i] as number) / 255);
  const radius = (0.6 / Math.sqrt(1.5 ** 2 - 0.6 ** 2)) * 32; // pixels: tan(asin(r / distance)) of half the picture
  expect(covered / (Math.PI * radius ** 2)).toBeCloseTo(1, 2);
});

test("the corner of a box lies on the pixel that it projects to", () => {
  // The top is 1 m from the camera, where half the picture is 1 m wide: 0.5 m is 16 pixels.
  const box: Primitive = {
    kind: "box",
    position: [0, 0, 0.5],
    rotation: UPRIGHT,
    size: [0.5, 0.25, 0.5],
    color: WHITE,
  };
  const image = draw(fromAbove(box));
  expect(pixel(image, 47, 24)).toEqual([255, 255, 255]);
  expect(pixel(image, 48, 24)).toEqual([0, 0, 0]);
  expect(pixel(image, 47, 23)).toEqual([0, 0, 0]);
  expect(pixel(image, 16, 39)).toEqual([255, 255, 255]);
  expect(pixel(image, 15, 39)).toEqual([0, 0, 0]);
  expect(pixel(image, 16, 40)).toEqual([0, 0, 0]);
});

test("a shadow falls away from the light, as far as the box is high", () => {
  const box: Primitive = {
    kind: "box",
    position: [0, 0, 0.25],
    rotation: UPRIGHT,
    size: [0.25, 0.25, 0.25],
    color: WHITE,
  };
  const scene = fromAbove(box);
  const lit: Scene = {
    ...scene,
    floor: { ...scene.floor, color: WHITE },
    light: { direction: normalize([1, 0, 1]), ambient: 0.25, diffuse: 0.5 },
  };
  const image = draw(lit);
  const [dark, bright] = [pixel(image, 22, 32), pixel(image, 0, 0)];
  expect(linearOf((bright[0] as number) / 255)).toBeCloseTo(0.25 + 0.5 * Math.SQRT1_2, 2);
  expect(linearOf((dark[0] as number) / 255)).toBeCloseTo(0.25, 2);
  // On the floor 0.5 m is 8 pixels: the shadow ends at x = -0.75 m, 12 pixels left of the middle.
  expect(pixel(image, 20, 32)).toEqual(dark);
  expect(pixel(image, 19, 32)).toEqual(bright);
  expect(pixel(image, 44, 32)).toEqual(bright);
  const without = draw({ ...lit, primitives: [{ ...box, castsShadow: false }] });
  expect(pixel(without, 20, 32)).toEqual(bright);
});

test("one body shades another", () => {
  const lower: Primitive = {
    kind: "box",
    position: [0, 0, 0.1],
    rotation: UPRIGHT,
    size: [0.8, 0.8, 0.1],
    color: WHITE,
  };
  const upper: Primitive = {
    kind: "sphere",
    position: [0.2, 0, 0.5],
    rotation: UPRIGHT,
    size: [0.1, 0, 0],
    color: WHITE,
  };
  const light = { direction: normalize([1, 0, 1]), ambient: 0.2, diffuse: 0.6 };
  const image = draw({ ...fromAbove(lower, upper), light });
  // The ball's shadow on the top, z = 0.2, is about x = 0.2 - 0.3; half the picture is 1.8 m there.
  const column = Math.floor((1 - 0.1 / 1.8) * 32);
  expect(linearOf((pixel(image, column, 32)[0] as number) / 255)).toBeCloseTo(0.2, 2);
  expect(linearOf((pixel(image, column, 20)[0] as number) / 255)).toBeCloseTo(0.2 + 0.6 * Math.SQRT1_2, 2);
});

test("a disc lies on the floor, and casts no shadow", () => {
  const disc: Primitive = { kind: "disc", position: [0, 0, 0], rotation: UPRIGHT, size: [0.5, 0, 0], color: WHITE };
  const image = draw(fromAbove(disc));
  expect(pixel(image, 32, 32)).toEqual([255, 255, 255]);
  expect(pixel(image, 32 + 7, 32)).toEqual([255, 255, 255]);
  expect(pixel(image, 32 + 9, 32)).toEqual([0, 0, 0]);
});

test("the sky is above the horizon and the ground around the table", () => {
  const scene: Scene = {
    ...fromAbove(),
    floor: { color: [1, 0, 0], halfSize: [1, 1], center: [0, 0], around: [0, 1, 0] },
    background: [0, 0, 1],
    camera: { position: [0, -2, 1], target: [0, 0, 1], up: [0, 0, 1], fovY: Math.PI / 2 },
  };
  const image = draw(scene, 64);
  expect(pixel(image, 32, 10)).toEqual([0, 0, 255]);
  expect(pixel(image, 32, 34)).toEqual([0, 255, 0]);
  expect(pixel(image, 32, 32 + 16)).toEqual([255, 0, 0]);
  expect(pixel(image, 0, 32 + 16)).toEqual([0, 255, 0]);
});

test("the same scene gives the same bytes, whatever was drawn in between", () => {
  const first = draw(tabletop());
  draw(fromAbove(), 200, 100);
  expect(draw(tabletop())).toEqual(first);
});

test("golden: the table from the corner", () => {
  // Changes only where the picture is meant to change; then every world trained on the old pictures is out of date.
  expect(createHash("sha256").update(draw(tabletop())).digest("hex")).toBe(
    "fbd59a31f162cf99d1669f18be58bc2c88fa1744509f78e8c4941c6f9095900f",
  );
});

test("a larger picture, made smaller, is the smaller picture", () => {
  const [small, large] = [draw(tabletop(), 64), draw(tabletop(), 128)];
  let error = 0;
  for (let row = 0; row < 64; row++) {
    for (let i = 0; i < 64 * 3; i++) {
      const at = row * 2 * 128 * 3 + Math.floor(i / 3) * 6 + (i % 3);
      const four = [at, at + 3, at + 128 * 3, at + 128 * 3 + 3].map((j) => linearOf((large[j] as number) / 255));
      const mean = four.reduce((sum, value) => sum + value) / 4;
      error += Math.abs(mean - linearOf((small[row * 64 * 3 + i] as number) / 255));
    }
  }
  expect(error / small.length).toBeLessThan(0.005);
});

test.each([
  ["the corner", tabletop().camera],
  ["the wrist", { position: [0.05, 0, 0.15], target: [0.06, 0.01, 0], up: [1, 0, 0], fovY: 1.2 } as const],
])("rectangles and the shadow grid change nothing: seen from %s", (_, camera) => {
  const scene = { ...tabletop(), camera };
  expect(draw(scene, 48, 40)).toEqual(drawPlainly(scene, 48, 40));
});

test("a buffer of another size is refused", () => {
  expect(() => render(fromAbove(), 64, 48, new Uint8Array(64 * 64 * 3))).toThrow(
    "out: expected [48, 64, 3], got [12288]",
  );
});

/** The picture by the definition: every sample tries every body, and every caster on the way to the light. */
function drawPlainly(scene: Scene, width: number, height: number): Uint8Array {
  const { floor, light } = scene;
  const view = viewOf(scene.camera, width * 2, height * 2);
  const bodies = scene.primitives.map((primitive) => bodyOf(primitive, view, light.direction));
  const out = new Uint8Array(width * height * 3);
  const along = (from: Vec3, forward: Vec3, right: Vec3, up: Vec3, t: number, x: number, y: number): Vec3 =>
    [0, 1, 2].map((i) => {
      const direction = (forward[i] as number) + y * (up[i] as number) + x * (right[i] as number);
      return (from[i] as number) + t * direction;
    }) as unknown as Vec3;
  for (let i = 0; i < width * height; i++) {
    const sum = [0, 0, 0];
    for (let part = 0; part < 4; part++) {
      const x = view.sx[(i % width) * 2 + (part & 1)] as number;
      const y = view.sy[Math.floor(i / width) * 2 + (part >> 1)] as number;
      let nearest = -view.origin[2] / (view.forward[2] + y * view.up[2] + x * view.right[2]);
      let color = scene.background;
      let [cosine, owner] = [0, -1];
      if (nearest > 0) {
        const [px, py] = along(view.origin, view.forward, view.right, view.up, nearest, x, y);
        const onTable = Math.abs(px - floor.center[0]) <= floor.halfSize[0] && Math.abs(py) <= floor.halfSize[1];
        color = onTable ? floor.color : floor.around;
        cosine = light.direction[2];
      } else nearest = Infinity;
      bodies.forEach((body, index) => {
        ray.set(body.origin);
        ray.set(along([0, 0, 0], body.forward, body.right, body.up, 1, x, y), 3);
        if (!enters(body) || (hit[0] as number) >= nearest) return;
        [nearest, owner] = [hit[0] as number, index];
        color = (scene.primitives[index] as Primitive).color;
        const [nx, ny, nz] = [hit[1] as number, hit[2] as number, hit[3] as number];
        cosine = nx * body.light[0] + ny * body.light[1] + nz * body.light[2];
      });
      const point = Float64Array.from(along(view.origin, view.forward, view.right, view.up, nearest, x, y));
      const shaded = bodies.some((body, index) => body.casts && index !== owner && shades(body, point));
      const dark = cosine > 0 ? light.ambient : light.ambient * (1 + 0.45 * cosine);
      const share = nearest === Infinity ? 1 : cosine > 0 && !shaded ? light.ambient + light.diffuse * cosine : dark;
      for (let c = 0; c < 3; c++) sum[c] = (sum[c] as number) + share * (color[c] as number);
    }
    for (let c = 0; c < 3; c++) out[i * 3 + c] = srgbByte((sum[c] as number) / 4);
  }
  return out;
}

function srgbByte(linear: number): number {
  return SRGB_BYTES[Math.min(SRGB_LEVELS - 1, Math.floor(linear * (SRGB_LEVELS - 1) + 0.5))] as number;
}

/** An arm over three cubes, a bin, a button and a goal: 22 primitives, as the simulator draws. */
function tabletop(): Scene {
  const [white, dark, joint] = [linearColor(0xe9e6df), linearColor(0x3b4048), linearColor(0xf08a3c)];
  const violet = linearColor(0x8a6fb0);
  const [shoulder, elbow, wrist]: Vec3[] = [
    [-0.3, 0, 0.14],
    [-0.16, -0.01, 0.34],
    [0.04, -0.02, 0.19],
  ] as [Vec3, Vec3, Vec3];
  const solid = (kind: Primitive["kind"], position: Vec3, size: Vec3, color: Vec3, rotation = UPRIGHT): Primitive => ({
    kind,
    position,
    rotation,
    size,
    color,
  });
  const turned = (cos: number, sin: number) => [cos, -sin, 0, sin, cos, 0, 0, 0, 1];
  const cube: Vec3 = [0.02, 0.02, 0.02];
  return {
    primitives: [
      solid("cylinder", [-0.3, 0, 0.02], [0.065, 0.02, 0], dark),
      solid("cylinder", [-0.3, 0, 0.09], [0.042, 0.05, 0], white),
      link(shoulder, elbow, 0.032, white),
      link(elbow, wrist, 0.027, white),
      solid("sphere", shoulder, [0.044, 0, 0], joint),
      solid("sphere", elbow, [0.04, 0, 0], joint),
      solid("sphere", wrist, [0.034, 0, 0], joint),
      solid("cylinder", [0.04, -0.02, 0.155], [0.022, 0.03, 0], white),
      solid("box", [0.04, -0.02, 0.12], [0.018, 0.045, 0.012], dark),
      solid("box", [0.04, 0.012, 0.08], [0.01, 0.006, 0.032], dark),
      solid("box", [0.04, -0.052, 0.08], [0.01, 0.006, 0.032], dark),
      solid("box", [0.12, 0.1, 0.02], cube, linearColor(0xe0453a), turned(0.8, 0.6)),
      solid("box", [0.02, -0.14, 0.02], cube, linearColor(0x3fae58), turned(0.96, 0.28)),
      solid("box", [0.15, -0.03, 0.02], cube, linearColor(0x3b78e0)),
      solid("box", [0, 0.2, 0.003], [0.06, 0.06, 0.003], violet),
      solid("box", [0.06, 0.2, 0.022], [0.004, 0.064, 0.022], violet),
      solid("box", [-0.06, 0.2, 0.022], [0.004, 0.064, 0.022], violet),
      solid("box", [0, 0.26, 0.022], [0.056, 0.004, 0.022], violet),
      solid("box", [0, 0.14, 0.022], [0.056, 0.004, 0.022], violet),
      solid("cylinder", [0.2, -0.18, 0.008], [0.035, 0.008, 0], dark),
      solid("cylinder", [0.2, -0.18, 0.02], [0.022, 0.008, 0], linearColor(0xf2c12e)),
      solid("disc", [-0.06, -0.2, 0], [0.045, 0, 0], linearColor(0xf06fb0)),
    ],
    floor: { color: linearColor(0xb9c4c6), halfSize: [0.42, 0.36], center: [0, 0], around: linearColor(0x56616b) },
    background: linearColor(0x93a3ae),
    camera: { position: [0.62, -0.42, 0.62], target: [-0.01, 0, 0.05], up: [0, 0, 1], fovY: 0.72 },
    light: { direction: [0.36, 0.48, 0.8], ambient: 0.38, diffuse: 0.72 },
  };
}

/** A capsule from one joint to the next. */
function link(from: Vec3, to: Vec3, radius: number, color: Vec3): Primitive {
  const way = subtract(to, from);
  const z = normalize(way);
  const x = normalize(cross([0, 1, 0], z));
  const y = cross(z, x);
  const [i, j, k] = scale(way, 0.5);
  return {
    kind: "capsule",
    position: [from[0] + i, from[1] + j, from[2] + k],
    rotation: [x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]],
    size: [radius, Math.sqrt(i * i + j * j + k * k), 0],
    color,
  };
}
