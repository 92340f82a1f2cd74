// The ground truth behind the `Env` interface: a MuJoCo tabletop, an arm moved by relative end-effector actions, and a
// renderer. The same seed and actions give the same bits: frames, rewards and proprioception.
import {
  type ActionLike,
  type ByteTensor,
  byteTensor,
  type Channel,
  type ChannelKind,
  checkFork,
  checkLike,
  checkReset,
  checkStep,
  copiedSnapshot,
  type Env,
  type EnvSpec,
  type ForkOptions,
  floatTensor,
  type Info,
  type Observation,
  OptionError,
  observed,
  packSnapshot,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type SnapshotOrigin,
  type StepOptions,
  type StepResult,
  stateChannel,
  toAction,
  unpackSnapshot,
} from "@worldstep/protocols";
import { Random } from "@worldstep/sdk";
import { ENVIRONMENT_STATE, environmentState } from "./environment-state.js";
import { moved, POSE_KEYS, type Pose, poseInWorkspace, STRIDE } from "./kinematics.js";
import { type Domain, drawDomain, drawLayout, type Layout } from "./layout.js";
import { type SimulatorOptions, settings } from "./options.js";
import { CONTROL_RATE, Physics, type PhysicsState } from "./physics.js";
import { render } from "./render/render.js";
import type { Scene } from "./script.js";
import { rewardOf, SCORED_TASKS, type ScoredTask, scoreTasks, TASKS, type Task } from "./tasks.js";
import { type CameraName, View } from "./view.js";

const MAX_TICKS = 60;
/** What an action of 1 moves in one control step; the gripper closes by it. */
const ACTION: EnvSpec["action"] = [
  ...["dx", "dy", "dz"].map((name) => channel(name, "m", 0.015, "delta")),
  channel("yaw", "rad", 0.15, "delta"),
  channel("gripper", "m", 0.02, "gripper"),
];

/** Names, with units, of what `POSE_KEYS` names. */
const PROPRIOCEPTION = ["x (m)", "y (m)", "z (m)", "yaw (rad)", "opening (m)"];

/** All that can be known about the present moment; arrays by task are in the order of `SCORED_TASKS`. */
export interface SimulatorState extends Scene {
  /** How far the button is pressed, m. */
  readonly press: number;
  /** Where bin, button and push goal stand; also where cubes and tip were at the start. */
  readonly layout: Layout;
  /** Whether each task was in success at some control step of the last tick; after a reset, whether it is now. */
  readonly success: readonly boolean[];
  /** Reward that each task gave over the last tick. */
  readonly rewards: readonly number[];
  /** The last tick, control step by control step; after a reset, the start alone. */
  readonly trace: readonly Moment[];
}

/** One control step of a tick. */
export interface Moment {
  readonly tip: Pose;
  /** As `TaskState.cubes`. */
  readonly cubes: Float64Array;
}

interface Episode {
  readonly task: Task;
  readonly maxTicks: number;
  readonly layout: Layout;
  readonly domain: Domain;
  readonly tick: number;
  readonly ended: boolean;
  readonly command: Pose;
  /** Whether each task has succeeded at some control step of the episode. */
  readonly succeeded: readonly boolean[];
  readonly success: readonly boolean[];
  readonly rewards: readonly number[];
  readonly trace: readonly Moment[];
}

/** All that a simulator goes on from. */
interface Kept {
  readonly episode: Episode;
  readonly physics: PhysicsState;
  /** Of `Random`: what resets without a seed draw from. */
  readonly seeds: readonly number[];
}

/** Of `Kept`: another with any change of its structure. */
const LAYOUT = 1;

/** A simulated world, with what evaluation needs beyond `Env`. These calls throw `ResetNeededError` before a reset. */
export interface Simulator extends Env {
  state(): SimulatorState;
  /** Moves the arm to `pose` (clamped to the workspace) at once, keeping the objects. */
  setTip(pose: Pose): void;
  fork(options?: ForkOptions): Promise<Simulator>;
  snapshot(): Promise<Uint8Array>;
  restore(snapshot: Uint8Array): Promise<void>;
  /** The present moment, shape `[size, size, 3]`, uint8. */
  renderFrame(camera: CameraName, size: number): ByteTensor;
}

/** A simulator. Throws `OptionError` for an unknown or unusable option. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const checked = settings(options);
  return new TabletopSimulator(await Physics.create(), checked);
}

class TabletopSimulator implements Simulator {
  readonly spec: EnvSpec;
  readonly #view: View;
  #seeds = new Random(Math.floor(Math.random() * 2 ** 53), "seeds");
  #episode: Episode | undefined;
  #closed = false;

  constructor(
    readonly physics: Physics,
    readonly options: Required<SimulatorOptions>,
  ) {
    this.#view = new View(physics);
    this.spec = specOf(options);
  }

  async reset(options: ResetOptions = {}): Promise<ResetResult> {
    this.#checkOpen();
    checkReset(this.spec, options);
    if (options.seed !== undefined) this.#seeds = new Random(options.seed, "seeds");
    const seed = options.seed ?? this.#seeds.uint32();
    const task = (options.task ?? TASKS[0]) as Task;
    const layout = drawLayout(seed, this.options.varied, this.options.missing);
    const domain = drawDomain(seed, this.options.domain);
    const command = this.physics.reset(layout, domain);
    const start = this.#moment();
    this.#episode = {
      task,
      maxTicks: options.maxTicks ?? (task === "play" ? 0 : MAX_TICKS),
      layout,
      domain,
      tick: 0,
      ended: false,
      command,
      succeeded: SCORED_TASKS.map(() => false),
      success: scoreTasks({ ...start, layout }).map((score) => score.success),
      rewards: SCORED_TASKS.map(() => 0),
      trace: [start],
    };
    const frames = this.#newFrames();
    this.#film(frames, 0);
    for (let row = 1; row < STRIDE; row++) repeat(frames, 0, row);
    return { observation: this.#observation(frames), info: { ...this.#info(), seed } };
  }

  async step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    this.#checkOpen();
    checkStep(this.spec, options);
    const episode = this.#present();
    if (episode.ended) throw new ResetNeededError("episode_ended");
    const { data } = toAction(this.spec.actionSpace, action);
    const { observe } = options;
    const isFilmed = observe?.includes("frames") ?? true;
    const frames = this.#newFrames();
    const succeeded = [...episode.succeeded];
    const success = SCORED_TASKS.map(() => false);
    const rewards = SCORED_TASKS.map(() => 0);
    const trace: Moment[] = [];
    let { command } = episode;
    for (let row = 0; row < STRIDE; row++) {
      command = this.physics.step(moved(command, data.subarray(row * POSE_KEYS.length)));
      const moment = this.#moment();
      trace.push(moment);
      for (const [i, score] of scoreTasks({ ...moment, layout: episode.layout }).entries()) {
        rewards[i] = (rewards[i] as number) + rewardOf(score, succeeded[i] as boolean);
        success[i] ||= score.success;
        succeeded[i] ||= score.success;
      }
      if (isFilmed && (row === STRIDE - 1 || !this.options.newestOnly)) this.#film(frames, row);
    }
    if (isFilmed && this.options.newestOnly) for (let row = 0; row < STRIDE - 1; row++) repeat(frames, STRIDE - 1, row);
    const scored = SCORED_TASKS.indexOf(episode.task as ScoredTask);
    const terminated = succeeded[scored] ?? false;
    const tick = episode.tick + 1;
    const truncated = !terminated && tick === episode.maxTicks;
    this.#episode = { ...episode, tick, command, succeeded, success, rewards, trace, ended: terminated || truncated };
    const observation = observed(this.spec, this.#observation(frames), observe);
    return { observation, reward: rewards[scored] ?? 0, terminated, truncated, info: this.#info() };
  }

  async close(): Promise<void> {
    if (!this.#closed) this.physics.close();
    this.#closed = true;
  }

  state(): SimulatorState {
    const { command, layout, success, rewards, trace } = this.#present();
    return { ...this.#moment(), command, press: this.physics.press, layout, success, rewards, trace };
  }

  setTip(pose: Pose): void {
    const episode = this.#present();
    this.#episode = { ...episode, command: this.physics.setTip(poseInWorkspace((key) => pose[key])) };
  }

  async fork(options: ForkOptions = {}): Promise<Simulator> {
    const kept = this.#kept("fork");
    checkFork(options);
    const fork = new TabletopSimulator(await Physics.create(), this.options);
    fork.#goOnFrom(kept);
    if (options.seed !== undefined) fork.#seeds = new Random(options.seed, "seeds");
    return fork;
  }

  async snapshot(): Promise<Uint8Array> {
    const state = this.#kept("snapshot");
    const { tick, ended } = state.episode;
    return packSnapshot({ ...this.#origin, tick, ended, state });
  }

  async restore(snapshot: Uint8Array): Promise<void> {
    this.#checkOpen();
    const { state } = unpackSnapshot(copiedSnapshot(snapshot), this.#origin);
    checkLike(state, this.#anyKept());
    this.#goOnFrom(state as Kept);
  }

  get #origin(): SnapshotOrigin {
    return {
      world: `tabletop ${JSON.stringify(this.options)}`,
      backend: `mujoco ${this.physics.version}`,
      layout: LAYOUT,
    };
  }

  #kept(call: string): Kept {
    return { episode: this.#present(call), physics: this.physics.save(), seeds: this.#seeds.state };
  }

  #goOnFrom({ episode, physics, seeds }: Kept): void {
    this.physics.applyDomain(episode.domain);
    this.physics.restore(physics);
    this.#episode = episode;
    this.#seeds.state = seeds;
  }

  // Something of the structure that a snapshot must have.
  #anyKept(): Kept {
    const layout = drawLayout(0, this.options.varied, this.options.missing);
    const [moment, yes, one] = [this.#moment(), SCORED_TASKS.map(() => true), SCORED_TASKS.map(() => 1)];
    const numbers = { maxTicks: 0, tick: 0, ended: false, command: layout.tip };
    const scores = { succeeded: yes, success: yes, rewards: one, trace: [moment] };
    const episode: Episode = { task: TASKS[0], layout, domain: drawDomain(0, 1), ...numbers, ...scores };
    return { episode, physics: this.physics.save(), seeds: this.#seeds.state };
  }

  renderFrame(camera: CameraName, size: number): ByteTensor {
    const out = new Uint8Array(size * size * 3);
    render(this.#view.scene(this.physics, this.#present().domain, camera), size, size, out);
    return byteTensor(out, [size, size, 3]);
  }

  #moment(): Moment {
    return { tip: this.physics.tip, cubes: Float64Array.from(this.physics.cubes) };
  }

  #present(call?: string): Episode {
    this.#checkOpen();
    if (!this.#episode) throw new ResetNeededError("never_reset", call);
    return this.#episode;
  }

  #checkOpen(): void {
    if (this.#closed) throw new OptionError("env_closed", "the simulator is closed", "create another one");
  }

  #newFrames(): Uint8Array[] {
    const { size, cameras } = this.options;
    return cameras.map(() => new Uint8Array(STRIDE * size * size * 3));
  }

  // Renders frame `row` of each camera's tick.
  #film(frames: readonly Uint8Array[], row: number): void {
    const { size, cameras } = this.options;
    const bytes = size * size * 3;
    for (const [i, tick] of frames.entries()) {
      const scene = this.#view.scene(this.physics, this.#present().domain, cameras[i] as CameraName);
      render(scene, size, size, tick.subarray(row * bytes, (row + 1) * bytes));
    }
  }

  #observation(frames: readonly Uint8Array[]): Observation {
    const { size, cameras } = this.options;
    const { tip } = this.physics;
    const shown = frames.map((data, i) => [
      frameKey(cameras[i] as CameraName),
      byteTensor(data, [STRIDE, size, size, 3]),
    ]);
    const proprioception = floatTensor(
      Float32Array.from(POSE_KEYS, (key) => tip[key]),
      [POSE_KEYS.length],
    );
    return { ...Object.fromEntries(shown), proprioception };
  }

  // Of all tasks as well, and where things are, as a dreamed world tells; the last tick's, where `success` is the episode's.
  #info(): Info {
    const { tick, task, layout, succeeded, rewards, success } = this.#present();
    const scored = SCORED_TASKS.indexOf(task as ScoredTask);
    const named = (values: readonly number[]) => Object.fromEntries(SCORED_TASKS.map((name, i) => [name, values[i]]));
    const tasks = { rewards: named(rewards), successProbabilities: named(success.map(Number)) };
    const things = environmentState(this.physics.cubes, layout);
    return {
      tick,
      task,
      success: succeeded[scored] ?? false,
      ...tasks,
      environmentState: Object.fromEntries(ENVIRONMENT_STATE.map((name, i) => [name, things[i]])),
    };
  }
}

// Frame `from` of each camera's tick also as frame `to`.
function repeat(frames: readonly Uint8Array[], from: number, to: number): void {
  for (const tick of frames) {
    const bytes = tick.length / STRIDE;
    tick.copyWithin(to * bytes, from * bytes, (from + 1) * bytes);
  }
}

/** The spec of a simulator with `options`. Throws `OptionError`, as `createSimulator` does. */
export function simulatorSpec(options: SimulatorOptions = {}): EnvSpec {
  return specOf(settings(options));
}

function specOf({ size, cameras }: Required<SimulatorOptions>): EnvSpec {
  const frames = { type: "box", dtype: "uint8", shape: [STRIDE, size, size, 3], low: 0, high: 255 } as const;
  const proprioception = { type: "box", dtype: "float32", shape: [POSE_KEYS.length], low: -4, high: 4 } as const;
  return {
    id: "tabletop",
    fps: CONTROL_RATE,
    stride: STRIDE,
    observationSpace: {
      type: "dict",
      spaces: { ...Object.fromEntries(cameras.map((camera) => [frameKey(camera), frames])), proprioception },
    },
    actionSpace: { type: "box", dtype: "float32", shape: [STRIDE, POSE_KEYS.length], low: -1, high: 1 },
    action: ACTION,
    proprioception: PROPRIOCEPTION,
    cameras: cameras.map((name) => ({ name, key: frameKey(name), height: size, width: size })),
    state: [...PROPRIOCEPTION, ...ENVIRONMENT_STATE].map(stateChannel),
    determinism: "bitwise",
    tasks: TASKS,
    starts: [],
    maxTicks: MAX_TICKS,
    acceptsFrames: false,
  };
}

function channel(name: string, unit: string, most: number, kind: ChannelKind): Channel {
  return { name, unit, low: -most, high: most, kind, idle: 0 };
}

function frameKey(camera: CameraName): string {
  return camera === "table" ? "frames" : "wristFrames";
}
