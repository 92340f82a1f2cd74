// The tabletop as MJCF (MuJoCo's XML, https://mujoco.readthedocs.io/en/stable/XMLreference.html). Metres, kilograms,
// radians. The table is the plane z = 0, the arm stands at the origin and faces +x. Only the hand, the fingers, the
// objects and the table collide: the links stay above all objects.
import { ARM } from "./kinematics.js";

export const TIMESTEP = 0.0025;
export const CUBES = ["red", "green", "blue"] as const;
export const CUBE_HALF = 0.025;
/** Inner half width, wall height, wall half thickness and floor thickness of the bin. */
export const BIN = { half: 0.06, height: 0.04, wall: 0.004, floor: 0.004 } as const;
/** Radius, height of the top when released, and travel of the button. */
export const BUTTON = { radius: 0.026, top: 0.032, travel: 0.012 } as const;
export const GOAL_RADIUS = 0.04;
/** Linear RGB of what is seen, by the prefix of the geom's name. */
export const PALETTE: Readonly<Record<string, readonly [number, number, number]>> = {
  base: [0.16, 0.17, 0.2],
  upper: [0.78, 0.78, 0.8],
  fore: [0.92, 0.4, 0.06],
  hand: [0.62, 0.62, 0.66],
  finger: [0.05, 0.05, 0.07],
  red: [0.75, 0.03, 0.03],
  green: [0.04, 0.5, 0.08],
  blue: [0.03, 0.1, 0.75],
  bin: [0.18, 0.13, 0.1],
  plinth: [0.06, 0.06, 0.06],
  cap: [0.9, 0.65, 0.02],
  goal: [0.5, 0.08, 0.5],
};

export function sceneXml(): string {
  return `<mujoco model="tabletop">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="${TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <size memory="8M"/>
  <default>
    <geom condim="4" friction="0.7 0.02 0.001" solref="0.008 1" solimp="0.95 0.99 0.001"/>
    <default class="link"><geom contype="0" conaffinity="0"/></default>
    <default class="finger">
      <joint type="slide" range="0 0.042" armature="0.05"/>
      <geom type="box" friction="1.3 0.02 0.001"/>
      <position kp="600" dampratio="1" ctrlrange="0 0.04" forcerange="-16 16"/>
    </default>
  </default>
  <worldbody>
    <geom name="table" type="plane" size="2 2 0.1"/>
    <body name="base">
      <geom class="link" name="base" type="cylinder" size="0.06 ${ARM.shoulder / 2 - 0.01}" pos="0 0 ${ARM.shoulder / 2 - 0.01}"/>
${arm()}
    </body>
${CUBES.map(cube).join("\n")}
${bin()}
    <body name="button" mocap="true">
      <geom name="plinth" type="cylinder" size="${BUTTON.radius + 0.01} 0.005" pos="0 0 0.005"/>
      <body name="cap" gravcomp="1">
        <joint name="button" type="slide" axis="0 0 1" range="${-BUTTON.travel} 0" stiffness="250" damping="2" springref="0.004" armature="0.02"/>
        <geom name="cap" type="cylinder" size="${BUTTON.radius} 0.01" pos="0 0 ${BUTTON.top - 0.01}" mass="0.02"/>
      </body>
    </body>
    <body name="goal" mocap="true">
      <geom class="link" name="goal" type="cylinder" size="${GOAL_RADIUS} 0.0005" pos="0 0 0.0005"/>
    </body>
  </worldbody>
  <contact>
    <exclude body1="hand" body2="left"/>
    <exclude body1="hand" body2="right"/>
    <exclude body1="button" body2="cap"/>
  </contact>
  <actuator>
    <position name="yaw" joint="yaw" kp="3000" dampratio="1" forcerange="-25 25"/>
    <position name="shoulder" joint="shoulder" kp="3000" dampratio="1" forcerange="-25 25"/>
    <position name="elbow" joint="elbow" kp="2000" dampratio="1" forcerange="-20 20"/>
    <position name="wrist" joint="wrist" kp="400" dampratio="1" forcerange="-8 8"/>
    <position name="roll" joint="roll" kp="100" dampratio="1" forcerange="-4 4"/>
    <position class="finger" name="left" joint="left"/>
    <position class="finger" name="right" joint="right"/>
  </actuator>
</mujoco>`;
}

function arm(): string {
  const { shoulder, upper, fore, hand } = ARM;
  return `      <body name="turret" pos="0 0 ${shoulder}" gravcomp="1">
        <joint name="yaw" axis="0 0 1" armature="0.05"/>
        <geom class="link" name="base-turret" type="sphere" size="0.05" mass="0.4"/>
        <body name="upper" gravcomp="1">
          <joint name="shoulder" axis="0 1 0" armature="0.05"/>
          <geom class="link" name="upper" type="capsule" fromto="0 0 0 ${upper} 0 0" size="0.032" mass="0.5"/>
          <body name="fore" pos="${upper} 0 0" gravcomp="1">
            <joint name="elbow" axis="0 1 0" armature="0.03"/>
            <geom class="link" name="fore" type="capsule" fromto="0 0 0 ${fore} 0 0" size="0.026" mass="0.35"/>
            <body name="wrist" pos="${fore} 0 0" gravcomp="1">
              <joint name="wrist" axis="0 1 0" armature="0.015"/>
              <geom class="link" name="hand-wrist" type="cylinder" size="0.024 0.025" pos="0 0 -0.02" mass="0.1"/>
              <body name="hand" gravcomp="1">
                <joint name="roll" axis="0 0 1" armature="0.01"/>
                <geom name="hand" type="box" size="0.022 0.05 0.016" pos="0 0 -0.061" mass="0.15"/>
                <site name="tip" pos="0 0 ${-hand}"/>
                <body name="left" gravcomp="1">
                  <joint class="finger" name="left" axis="0 1 0"/>
                  <geom class="finger" name="finger-left" size="0.012 0.006 0.0425" pos="0 0.006 -0.1195" mass="0.03"/>
                </body>
                <body name="right" gravcomp="1">
                  <joint class="finger" name="right" axis="0 -1 0"/>
                  <geom class="finger" name="finger-right" size="0.012 0.006 0.0425" pos="0 -0.006 -0.1195" mass="0.03"/>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>`;
}

function cube(name: string): string {
  return `    <body name="${name}">
      <freejoint name="${name}"/>
      <geom name="${name}" type="box" size="${CUBE_HALF} ${CUBE_HALF} ${CUBE_HALF}" mass="0.08"/>
    </body>`;
}

function bin(): string {
  const { half, wall, height, floor } = BIN;
  const centre = half + wall;
  const along = half + 2 * wall;
  const walls: readonly (readonly [string, number, number, number, number])[] = [
    ["bin-front", centre, 0, wall, along],
    ["bin-back", -centre, 0, wall, along],
    ["bin-left", 0, centre, half, wall],
    ["bin-right", 0, -centre, half, wall],
  ];
  const geoms = walls.map(
    ([name, x, y, halfX, halfY]) =>
      `      <geom name="${name}" type="box" size="${halfX} ${halfY} ${height / 2}" pos="${x} ${y} ${height / 2}"/>`,
  );
  return `    <body name="bin" mocap="true">
      <geom name="bin-floor" type="box" size="${half} ${half} ${floor / 2}" pos="0 0 ${floor / 2}"/>
${geoms.join("\n")}
    </body>`;
}
