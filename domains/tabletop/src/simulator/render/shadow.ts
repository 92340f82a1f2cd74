// Hard shadows of a far light. Seen from the light every caster covers a rectangle; a coarse grid over the plane across
// the light lists the casters of each cell, and only those are tested, by a ray towards the light.
import type { Body } from "./body.js";
import { enters, ray } from "./intersect.js";
import type { Vec3 } from "./scene.js";
import { cross, dot, normalize } from "./vector.js";

const CELLS = 32;

export class Shadows {
  private bodies: readonly Body[] = [];
  /** Shape `[2, 4]`: a point's column and row on the grid, in cells, are plane[:, :3] * point - plane[:, 3]. */
  private readonly plane = new Float64Array(8);
  /** Casters of cell i: `count[i]` indices into `bodies` from `lists[i * bodies.length]` on. */
  private readonly count = new Uint16Array(CELLS * CELLS);
  private lists = new Uint16Array(0);

  /** Takes the casters among `bodies`, and the unit vector towards the light, for the frame to come. */
  build(bodies: readonly Body[], light: Vec3): void {
    this.bodies = bodies;
    this.count.fill(0);
    if (this.lists.length < CELLS * CELLS * bodies.length) this.lists = new Uint16Array(CELLS * CELLS * bodies.length);
    const u = normalize(cross(light, Math.abs(light[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0]));
    const columns = this.lay(0, u);
    const rows = this.lay(4, cross(light, u));
    for (let i = 0; i < bodies.length; i++) {
      if (bodies[i]?.casts) this.list(i, columns[i] as Span, rows[i] as Span);
    }
  }

  /** Whether a caster other than body `self` stands between `point` (world, metres) and the light. */
  reaches(point: Float64Array, self: number): boolean {
    const { plane, count, lists, bodies } = this;
    const x = point[0] as number;
    const y = point[1] as number;
    const z = point[2] as number;
    const column =
      x * (plane[0] as number) + y * (plane[1] as number) + z * (plane[2] as number) - (plane[3] as number);
    const row = x * (plane[4] as number) + y * (plane[5] as number) + z * (plane[6] as number) - (plane[7] as number);
    if (!(column >= 0 && column < CELLS && row >= 0 && row < CELLS)) return false;
    const cell = (row | 0) * CELLS + (column | 0);
    const first = cell * bodies.length;
    const last = first + (count[cell] as number);
    for (let i = first; i < last; i++) {
      const index = lists[i] as number;
      // Every body is convex, so one that faces the light can't shade itself.
      if (index !== self && shades(bodies[index] as Body, point)) return true;
    }
    return false;
  }

  /** Lays one side of the grid over the casters along `axis`; what cells each body covers, as fractions. */
  private lay(at: number, axis: Vec3): Span[] {
    const spans = this.bodies.map((body) => span(body, axis));
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < spans.length; i++) {
      if (!this.bodies[i]?.casts) continue;
      low = Math.min(low, (spans[i] as Span)[0]);
      high = Math.max(high, (spans[i] as Span)[1]);
    }
    const perMetre = CELLS / (high - low);
    this.plane.set([axis[0] * perMetre, axis[1] * perMetre, axis[2] * perMetre, low * perMetre], at);
    return spans.map(([from, to]) => [(from - low) * perMetre, (to - low) * perMetre]);
  }

  private list(index: number, columns: Span, rows: Span): void {
    const column0 = Math.max(0, Math.floor(columns[0]));
    const column1 = Math.min(CELLS - 1, Math.floor(columns[1]));
    const row0 = Math.max(0, Math.floor(rows[0]));
    const row1 = Math.min(CELLS - 1, Math.floor(rows[1]));
    for (let row = row0; row <= row1; row++) {
      for (let column = column0; column <= column1; column++) {
        const cell = row * CELLS + column;
        const count = this.count[cell] as number;
        this.lists[cell * this.bodies.length + count] = index;
        this.count[cell] = count + 1;
      }
    }
  }
}

type Span = readonly [number, number];

/** From where to where the box around `body` reaches along `direction`, metres; a little more, as sums are rounded. */
function span({ center, axes, extent }: Body, direction: Vec3): Span {
  const middle = dot(center, direction);
  let half = 1e-6;
  for (let i = 0; i < 3; i++) half += Math.abs(dot(axes[i] as Vec3, direction)) * (extent[i] as number);
  return [middle - half, middle + half];
}

/** Whether the ray from `point` (world, metres) towards the light enters `body`. */
export function shades(body: Body, point: Float64Array): boolean {
  const { toBody, light } = body;
  const x = point[0] as number;
  const y = point[1] as number;
  const z = point[2] as number;
  for (let i = 0, j = 0; i < 3; i++, j += 4) {
    ray[i] =
      (toBody[j] as number) * x +
      (toBody[j + 1] as number) * y +
      (toBody[j + 2] as number) * z +
      (toBody[j + 3] as number);
    ray[3 + i] = light[i] as number;
  }
  return enters(body);
}
