// MuJoCo (npm `mujoco-js`, DeepMind's WebAssembly build) around one tabletop: start, control step, read, save, restore.
// Everything that a later step depends on is in `PhysicsState`, so equal states and commands give equal bits.
//
// Views of WASM memory are detached when the memory grows: take them from `data` each time, never keep them.
import loadMujoco, { type MainModule, type MjData, type MjModel } from "mujoco-js";
import { clamp, jointTargets, type Pose } from "./kinematics.js";
import type { Domain, Layout } from "./layout.js";
import { CUBES, sceneXml, TIMESTEP } from "./scene-xml.js";

/** Control steps a second. */
export const CONTROL_RATE = 20;
const SUBSTEPS = Math.round(1 / (CONTROL_RATE * TIMESTEP));
const SETTLE_STEPS = 12;
// How far the command may run ahead of a blocked arm: bounds the hidden wind-up, and with it the force of a push.
const LEASH = { x: 0.03, y: 0.03, z: 0.03, yaw: 0.4, opening: 0.03 } as const;
// Objects of mjtObj and the order of joints and mocap bodies in scene-xml.ts.
const OBJECT = { body: 1, geom: 5, site: 6 } as const;
const ARM_JOINTS = 7;
const MOCAP = { bin: 0, button: 1, goal: 2 } as const;
const BUTTON_JOINT = ARM_JOINTS + 7 * CUBES.length;

/** What mjData integrates, copied out. */
export interface PhysicsState {
  readonly time: number;
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly warmstart: Float64Array;
  readonly ctrl: Float64Array;
  readonly mocap: Float64Array;
}

/** One geom where it is now: world position and rotation (row-major, body to world). */
export interface GeomPose {
  readonly position: readonly [number, number, number];
  readonly rotation: readonly number[];
}

let loading: Promise<MainModule> | undefined;

export class Physics {
  /** `[position, quaternion w x y z]` of the cubes: 7 numbers each, red, green, blue. */
  readonly cubes = new Float64Array(7 * CUBES.length);
  /** The tip as it is now. */
  tip: Pose = { x: 0, y: 0, z: 0, yaw: 0, opening: 0 };
  /** How far the button is pressed, m. */
  press = 0;

  readonly #mujoco: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #tipSite: number;
  readonly #nominal: { readonly friction: Float64Array; readonly mass: Float64Array; readonly inertia: Float64Array };

  private constructor(mujoco: MainModule) {
    this.#mujoco = mujoco;
    mujoco.FS.writeFile("/tabletop.xml", sceneXml());
    this.#model = mujoco.MjModel.loadFromXML("/tabletop.xml");
    if (!this.#model) throw new Error("MuJoCo could not load the tabletop; its parser's message is on the console");
    this.#data = new mujoco.MjData(this.#model);
    this.#tipSite = mujoco.mj_name2id(this.#model, OBJECT.site, "tip");
    this.#nominal = {
      friction: Float64Array.from(this.#model.geom_friction),
      mass: Float64Array.from(this.#model.body_mass),
      inertia: Float64Array.from(this.#model.body_inertia),
    };
  }

  /** The WebAssembly module is loaded once a thread; each instance has its own model and state in it. */
  static async create(): Promise<Physics> {
    loading ??= loadMujoco();
    return new Physics(await loading);
  }

  /** Starts over at `layout`, settled; friction and cube mass from `domain`. Returns the commanded pose. */
  reset(layout: Layout, domain: Domain): Pose {
    this.applyDomain(domain);
    const data = this.#data;
    this.#mujoco.mj_resetData(this.#model, data);
    const place = (body: number, [x, y]: readonly [number, number]): void => data.mocap_pos.set([x, y, 0], 3 * body);
    place(MOCAP.bin, layout.bin);
    place(MOCAP.button, layout.button);
    place(MOCAP.goal, layout.goal);
    data.qpos.set(jointTargets(layout.tip), 0);
    for (const [i, { position, yaw }] of layout.cubes.entries()) {
      data.qpos.set([...position, Math.cos(yaw / 2), 0, 0, Math.sin(yaw / 2)], ARM_JOINTS + 7 * i);
    }
    const held = layout.cubes.some(({ position: [x, y] }) => x === layout.tip.x && y === layout.tip.y);
    return this.#settle(held ? { ...layout.tip, opening: layout.tip.opening - 0.02 } : layout.tip);
  }

  /** Moves the arm to `pose` at once, then settles; the objects keep their places unless the arm stands in them. */
  setTip(pose: Pose): Pose {
    this.#data.qpos.set(jointTargets(pose), 0);
    this.#data.qvel.fill(0, 0, ARM_JOINTS);
    return this.#settle(pose);
  }

  /** Friction and cube mass of `domain`. */
  applyDomain(domain: Domain): void {
    const { friction, mass, inertia } = this.#nominal;
    const model = this.#model;
    model.geom_friction.set(friction.map((value) => value * domain.friction));
    for (const name of CUBES) {
      const body = this.#mujoco.mj_name2id(model, OBJECT.body, name);
      model.body_mass[body] = (mass[body] as number) * domain.cubeMass;
      for (let i = 3 * body; i < 3 * body + 3; i++) {
        model.body_inertia[i] = (inertia[i] as number) * domain.cubeMass;
      }
    }
    // Quantities that MuJoCo derives from masses; it works at the reference pose, in a data of its own here.
    const scratch = new this.#mujoco.MjData(model);
    this.#mujoco.mj_setConst(model, scratch);
    scratch.delete();
  }

  /**
   * One control step (1/20 s): the joint targets run linearly from the last command to `command`. Returns the command as
   * it stands afterwards: at most a leash away from where the arm is.
   */
  step(command: Pose): Pose {
    const from = Float64Array.from(this.#data.ctrl);
    const to = jointTargets(command);
    for (let substep = 1; substep <= SUBSTEPS; substep++) {
      const ctrl = this.#data.ctrl;
      for (let i = 0; i < ARM_JOINTS; i++) {
        const start = from[i] as number;
        ctrl[i] = start + (((to[i] as number) - start) * substep) / SUBSTEPS;
      }
      this.#mujoco.mj_step(this.#model, this.#data);
    }
    this.#read();
    const leashed = (key: keyof Pose): number =>
      clamp(command[key], this.tip[key] - LEASH[key], this.tip[key] + LEASH[key]);
    return {
      x: leashed("x"),
      y: leashed("y"),
      z: leashed("z"),
      yaw: leashed("yaw"),
      opening: leashed("opening"),
    };
  }

  /** MuJoCo's. */
  get version(): string {
    return this.#mujoco.mj_versionString();
  }

  geomNames(): string[] {
    return Array.from({ length: this.#model.ngeom }, (_, i) => this.#mujoco.mj_id2name(this.#model, OBJECT.geom, i));
  }

  /** MuJoCo's type (mjtGeom) and sizes of every geom, as `[type, a, b, c]`. */
  geomShapes(): number[][] {
    const { geom_type, geom_size, ngeom } = this.#model;
    return Array.from({ length: ngeom }, (_, i) => [geom_type[i], ...geom_size.subarray(3 * i, 3 * i + 3)]);
  }

  geomPoses(): GeomPose[] {
    const positions = this.#data.geom_xpos;
    const rotations = this.#data.geom_xmat;
    return Array.from({ length: this.#model.ngeom }, (_, i) => ({
      position: [positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]],
      rotation: Array.from(rotations.subarray(9 * i, 9 * i + 9)),
    }));
  }

  save(): PhysicsState {
    const { time, qpos, qvel, qacc_warmstart, ctrl, mocap_pos } = this.#data;
    return {
      time,
      qpos: Float64Array.from(qpos),
      qvel: Float64Array.from(qvel),
      warmstart: Float64Array.from(qacc_warmstart),
      ctrl: Float64Array.from(ctrl),
      mocap: Float64Array.from(mocap_pos),
    };
  }

  /** The state must come from `save` under the same domain; see `applyDomain`. */
  restore(state: PhysicsState): void {
    const data = this.#data;
    this.#mujoco.mj_resetData(this.#model, data);
    data.time = state.time;
    data.qpos.set(state.qpos);
    data.qvel.set(state.qvel);
    data.qacc_warmstart.set(state.warmstart);
    data.ctrl.set(state.ctrl);
    data.mocap_pos.set(state.mocap);
    this.#read();
  }

  close(): void {
    this.#data.delete();
    this.#model.delete();
  }

  #settle(command: Pose): Pose {
    this.#data.ctrl.set(jointTargets(command));
    let settled = command;
    for (let i = 0; i < SETTLE_STEPS; i++) settled = this.step(command);
    return settled;
  }

  // Positions of bodies lag one substep behind qpos after mj_step: bring them up to date, then copy out what is public.
  #read(): void {
    const data = this.#data;
    this.#mujoco.mj_kinematics(this.#model, data);
    const qpos = data.qpos;
    const at = data.site_xpos.subarray(3 * this.#tipSite, 3 * this.#tipSite + 3);
    const rotation = data.site_xmat.subarray(9 * this.#tipSite, 9 * this.#tipSite + 9);
    this.tip = {
      x: at[0],
      y: at[1],
      z: at[2],
      yaw: Math.atan2(rotation[3], rotation[0]),
      opening: qpos[ARM_JOINTS - 2] + qpos[ARM_JOINTS - 1],
    };
    this.cubes.set(qpos.subarray(ARM_JOINTS, BUTTON_JOINT));
    this.press = Math.max(0, -qpos[BUTTON_JOINT]);
  }
}
