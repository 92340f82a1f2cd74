// Where a ray enters a body. Arguments and results travel in two small typed arrays instead of parameters: V8 boxes
// every double that crosses a call which it does not inline, and these calls are the inner loop.
import { BOX, type Body, CAPSULE, CYLINDER, SPHERE } from "./body.js";

/** The ray in body coordinates, in: origin x, y, z, direction x, y, z (of any length but 0). */
export const ray = new Float64Array(6);
/** The point of entry, out: t in lengths of the direction, then the outward unit normal in body coordinates. */
export const hit = new Float64Array(4);

/** A ray that starts on a surface must not meet it again; metres for a ray of unit direction. */
const MIN_T = 1e-5;

/** Whether `ray` enters `body` at t > MIN_T; if so `hit` says where, else it is as it was. */
export function enters(body: Body): boolean {
  if (body.kind === BOX) return entersBox(body.a, body.b, body.c);
  if (body.kind === CAPSULE) return entersCapsule(body.a, body.b);
  if (body.kind === CYLINDER) return entersCylinder(body.a, body.b);
  if (body.kind === SPHERE) return entersBall(body.a, 0);
  return entersDisc(body.a);
}

/**
 * Slabs: the last of the three entries, if it comes before the first exit. The signs are read from the reciprocals,
 * where 0 and -0 differ: a ray along a slab enters it at -Infinity and leaves at Infinity, or the other way round.
 * 0 * Infinity is NaN, and NaN limits nothing.
 */
function entersBox(a: number, b: number, c: number): boolean {
  const [dx, dy, dz] = [ray[3] as number, ray[4] as number, ray[5] as number];
  const [rx, ry, rz] = [1 / dx, 1 / dy, 1 / dz];
  const [ox, oy, oz] = [ray[0] as number, ray[1] as number, ray[2] as number];
  const inX = ((rx > 0 ? -a : a) - ox) * rx;
  const inY = ((ry > 0 ? -b : b) - oy) * ry;
  const inZ = ((rz > 0 ? -c : c) - oz) * rz;
  let t = MIN_T;
  let axis = 0;
  if (inX > t) {
    t = inX;
    axis = 1;
  }
  if (inY > t) {
    t = inY;
    axis = 2;
  }
  if (inZ > t) {
    t = inZ;
    axis = 3;
  }
  if (axis === 0) return false;
  if (((rx > 0 ? a : -a) - ox) * rx < t) return false;
  if (((ry > 0 ? b : -b) - oy) * ry < t) return false;
  if (((rz > 0 ? c : -c) - oz) * rz < t) return false;
  hit[0] = t;
  hit[1] = axis === 1 ? (dx > 0 ? -1 : 1) : 0;
  hit[2] = axis === 2 ? (dy > 0 ? -1 : 1) : 0;
  hit[3] = axis === 3 ? (dz > 0 ? -1 : 1) : 0;
  return true;
}

/** A ball about (0, 0, `z`). */
function entersBall(radius: number, z: number): boolean {
  const [dx, dy, dz] = [ray[3] as number, ray[4] as number, ray[5] as number];
  const [ox, oy, oz] = [ray[0] as number, ray[1] as number, (ray[2] as number) - z];
  const a = dx * dx + dy * dy + dz * dz;
  const b = ox * dx + oy * dy + oz * dz;
  const root = b * b - a * (ox * ox + oy * oy + oz * oz - radius * radius);
  if (root < 0) return false;
  const t = (-b - Math.sqrt(root)) / a;
  if (!(t > MIN_T)) return false;
  hit[0] = t;
  hit[1] = (ox + t * dx) / radius;
  hit[2] = (oy + t * dy) / radius;
  hit[3] = (oz + t * dz) / radius;
  return true;
}

/** The common part of an endless cylinder and a slab. */
function entersCylinder(radius: number, half: number): boolean {
  const [dx, dy, dz] = [ray[3] as number, ray[4] as number, ray[5] as number];
  const [ox, oy, oz] = [ray[0] as number, ray[1] as number, ray[2] as number];
  const rz = 1 / dz;
  const inCap = ((rz > 0 ? -half : half) - oz) * rz;
  const outCap = ((rz > 0 ? half : -half) - oz) * rz;
  const a = dx * dx + dy * dy;
  const b = ox * dx + oy * dy;
  const c = ox * ox + oy * oy - radius * radius;
  const root = b * b - a * c;
  if (a === 0 ? c > 0 : root < 0) return false;
  const inSide = a === 0 ? -Infinity : (-b - Math.sqrt(root)) / a;
  const outSide = a === 0 ? Infinity : (-b + Math.sqrt(root)) / a;
  const cap = inCap > inSide;
  const t = cap ? inCap : inSide;
  if (!(t > MIN_T) || outSide < t || outCap < t) return false;
  hit[0] = t;
  hit[1] = cap ? 0 : (ox + t * dx) / radius;
  hit[2] = cap ? 0 : (oy + t * dy) / radius;
  hit[3] = cap ? (dz > 0 ? -1 : 1) : 0;
  return true;
}

/** The side, where the ray enters the endless cylinder between the ends; else the ball at the end it passes first. */
function entersCapsule(radius: number, half: number): boolean {
  const [dx, dy, dz] = [ray[3] as number, ray[4] as number, ray[5] as number];
  const [ox, oy] = [ray[0] as number, ray[1] as number];
  const a = dx * dx + dy * dy;
  if (a === 0) return entersBall(radius, dz > 0 ? -half : half);
  const b = ox * dx + oy * dy;
  const root = b * b - a * (ox * ox + oy * oy - radius * radius);
  if (root < 0) return false;
  const t = (-b - Math.sqrt(root)) / a;
  const z = (ray[2] as number) + t * dz;
  if (z > half) return entersBall(radius, half);
  if (z < -half) return entersBall(radius, -half);
  if (!(t > MIN_T)) return false;
  hit[0] = t;
  hit[1] = (ox + t * dx) / radius;
  hit[2] = (oy + t * dy) / radius;
  hit[3] = 0;
  return true;
}

function entersDisc(radius: number): boolean {
  const dz = ray[5] as number;
  if (!(dz < 0)) return false;
  const t = -(ray[2] as number) / dz;
  const x = (ray[0] as number) + t * (ray[3] as number);
  const y = (ray[1] as number) + t * (ray[4] as number);
  if (!(t > MIN_T) || x * x + y * y > radius * radius) return false;
  hit[0] = t;
  hit[1] = 0;
  hit[2] = 0;
  hit[3] = 1;
  return true;
}
