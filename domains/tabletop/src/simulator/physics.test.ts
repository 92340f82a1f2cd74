import { expect, test } from "vitest";
import { ENVIRONMENT_STATE, environmentState, sceneOf } from "./environment-state.js";
import { isMirrored } from "./generate.js";
import type { Pose } from "./kinematics.js";
import { drawDomain, drawLayout, type Layout, type Place } from "./layout.js";
import { Physics } from "./physics.js";

const other = ([x, y]: Place): Place => [x, -y];
const otherPose = (pose: Pose): Pose => ({ ...pose, y: -pose.y, yaw: -pose.yaw });

function mirrored({ bin, button, goal, cubes, tip }: Layout): Layout {
  return {
    bin: other(bin),
    button: other(button),
    goal: other(goal),
    cubes: cubes.map(({ position: [x, y, z], yaw }) => ({ position: [x, -y, z], yaw: -yaw })),
    tip: otherPose(tip),
  };
}

// A closed hand goes down before a cube and pushes it, turning.
function push({ cubes }: Layout): Pose[] {
  const [x, y] = cubes[1]?.position as [number, number, number];
  return Array.from({ length: 40 }, (_, i) => {
    const on = Math.max(0, i - 20) / 20;
    return { x: x - 0.06 + 0.12 * on, y: y - 0.01, z: i < 10 ? 0.12 : 0.03, yaw: 0.4 * on, opening: 0.01 };
  });
}

test.each([3, 4, 5])("the table's left is the mirror image of its right: seed %i", async (seed) => {
  const layout = drawLayout(seed, false);
  const [one, two] = [await Physics.create(), await Physics.create()];
  one.reset(layout, drawDomain(seed, 1));
  two.reset(mirrored(layout), drawDomain(seed, 1));
  const before = one.cubes.slice();
  for (const pose of push(layout)) {
    one.step(pose);
    two.step(otherPose(pose));
    expect(Object.values(otherPose(two.tip))).toEqual(Object.values(one.tip).map((x) => expect.closeTo(x, 2)));
    for (let c = 0; c < 3; c++) {
      const [x, y, z] = two.cubes.subarray(7 * c, 7 * c + 3) as unknown as [number, number, number];
      expect([x, -y, z]).toEqual([...one.cubes.subarray(7 * c, 7 * c + 3)].map((at) => expect.closeTo(at, 2)));
    }
  }
  const seen = environmentState(one.cubes, layout);
  const inMirror = environmentState(two.cubes, mirrored(layout));
  const back = inMirror.map((x, i) => (isMirrored(ENVIRONMENT_STATE[i] as string) ? -x : x));
  expect(back).toEqual(seen.map((x) => expect.closeTo(x, 1)));
  const read = sceneOf(seen);
  expect(environmentState(read.cubes, read.layout)).toEqual(seen.map((x) => expect.closeTo(x, 9)));
  expect(Math.abs((one.cubes[7] as number) - (before[7] as number))).toBeGreaterThan(0.01); // it was pushed
  one.close();
  two.close();
});
