// Hands: keys, the page's buttons (a phone has no keys), a slider for each channel and the pointer on a picture, as the row
// of the next tick. It serves any channels: those with an idle value spring back to it, the others stay where they are put.
import { type EnvSpec, scale } from "@worldstep/sdk";
import { ChannelRows } from "./channel-rows.js";
import { type Known, knownOf, type Moves } from "./known.js";
import { blockOf, firstRow, lastRow, stillRow } from "./row.js";

// Two keys for each channel of a world that the page doesn't know: the one that lowers it first.
const PAIRS = ["ad", "sw", "qe", "zx", "jl", "ki", "uo", "m,"] as const;
const GRIPPER_KEYS = [" ", "g"];
const SPEED = { normal: 0.7, slow: 0.2 };
// Of its range a channel that says where to be is moved by so much in a tick.
const SHIFT = { normal: 0.06, slow: 0.015 };
// The fingers close in one tick; a second one makes sure of the grip.
const GRIPPER_TICKS = 2;
// A fast drag is followed for so many ticks, and then forgotten; what is left under this share of a tick's, too.
const DRAG_TICKS = 6;
const STILL = 0.01;

export class Hands {
  #spec: EnvSpec | undefined;
  #known: Known | undefined;
  #keys: Readonly<Record<string, Moves>> = {};
  // What the channels were told last, `[A]`.
  #row: Float32Array = new Float32Array();
  // By what holds it: a key's name, or a button.
  readonly #held = new Map<unknown, Moves>();
  // What went up before a tick saw it.
  readonly #tapped = new Set<Moves>();
  // Channels whose slider is held away from idle, and those let go of meanwhile.
  readonly #slid = new Map<number, number>();
  readonly #let = new Set<number>();
  readonly #grip = new Map<number, { ticks: number; closed: boolean }>();
  // What the pointer asked for and the robot has not been told yet, in the channels' units.
  #drag: Record<string, number> = {};
  #slow = false;
  #moved = false;
  readonly #rows: ChannelRows;

  /** `onInput` is called whenever a hand does something. */
  constructor(
    place: HTMLElement,
    readonly onInput: () => void,
  ) {
    this.#rows = new ChannelRows(place, this);
    addEventListener("keydown", (event) => this.#keyDown(event));
    addEventListener("keyup", ({ key }) => this.#keyUp(key.toLowerCase()));
    addEventListener("blur", () => this.#held.clear());
  }

  /** Whether the next `take` moves something. */
  get active(): boolean {
    const gripping = [...this.#grip.values()].some(({ ticks }) => ticks > 0);
    const dragged = Object.values(this.#drag).some((amount) => amount !== 0);
    return this.#held.size > 0 || this.#tapped.size > 0 || this.#slid.size > 0 || this.#moved || gripping || dragged;
  }

  /** Whether `key` does something in the world. */
  knows(key: string): boolean {
    return this.#keys[key] !== undefined || (GRIPPER_KEYS.includes(key) && this.#gripper >= 0);
  }

  /** From now on for a world with `spec`. */
  serve(spec: EnvSpec): void {
    this.#spec = spec;
    this.#known = knownOf(spec);
    this.#keys = this.#known.keys ?? Object.assign({}, ...spec.action.map(({ name }, i) => pairOf(name, i)));
    this.#rows.fill(spec, this.#known.keys ? [] : PAIRS);
    this.forget(spec.proprioception.map(() => 0));
  }

  /** After a reset nothing asked before counts. `readings`: the proprioception, `[P]`. */
  forget(readings: ArrayLike<number>): void {
    const spec = this.#spec as EnvSpec;
    this.#tapped.clear();
    this.#slid.clear();
    this.#let.clear();
    this.#grip.clear();
    this.#drag = {};
    this.#moved = false;
    this.#row = firstRow(spec, readings);
    this.#rows.show(this.#row);
  }

  /** Whoever made `block`: from there the hands go on. */
  follow(block: Float32Array): void {
    this.#row = stillRow(this.#spec as EnvSpec, lastRow(this.#spec as EnvSpec, block));
    this.#rows.show(lastRow(this.#spec as EnvSpec, block));
  }

  /** The action block of the next tick; what it moves is not asked again. */
  take(): Float32Array {
    const spec = this.#spec as EnvSpec;
    const row = stillRow(spec, this.#row);
    const { low, high } = spec.actionSpace;
    for (const [i, value] of this.#slid) row[i] = value;
    for (const i of this.#let) this.#slid.delete(i);
    this.#let.clear();
    for (const push of new Set([...this.#tapped, ...this.#held.values()])) {
      for (const [name, weight] of Object.entries(push)) {
        const i = this.#channel(name);
        const still = row[i] as number;
        const room = this.#springs(i) ? (weight > 0 ? high - still : still - low) : high - low;
        const amount = (this.#springs(i) ? SPEED : SHIFT)[this.#slow ? "slow" : "normal"];
        row[i] = still + amount * weight * room;
      }
    }
    this.#tapped.clear();
    for (const [i, grip] of this.#grip) {
      if (grip.ticks-- > 0) row[i] = grip.closed ? high : low;
    }
    this.#takeDrag(row);
    this.#moved = false;
    return blockOf(spec, row);
  }

  /** Dragging on `picture` moves the robot, as far as the page knows how the world's camera looks at it. */
  addPicture(picture: HTMLElement): void {
    const at = (event: PointerEvent): readonly [number, number] => {
      const box = picture.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    picture.addEventListener("pointerdown", (event) => {
      if (!this.#known?.drag && !this.#known?.point) return;
      picture.setPointerCapture(event.pointerId);
      if (this.#known.point) this.#goTo(this.#known.point(...at(event)));
    });
    picture.addEventListener("pointermove", (event) => {
      if (!picture.hasPointerCapture(event.pointerId)) return;
      const { movementX, movementY } = event;
      if (this.#known?.point) this.#goTo(this.#known.point(...at(event)));
      else this.#addDrag(this.#known?.drag?.(movementX / picture.clientWidth, movementY / picture.clientHeight));
    });
    picture.addEventListener(
      "wheel",
      (event) => {
        if (!this.#known?.wheel) return;
        event.preventDefault();
        this.#addDrag(this.#known.wheel(event.deltaY));
      },
      { passive: false },
    );
  }

  /** Holding `button` is holding the key that its `data-key` names, or pushing as `push` says. */
  addButton(button: HTMLButtonElement, push?: Moves): void {
    const key = button.dataset.key ?? "";
    const press = () => (push ? this.#push(button, push) : this.#press(key));
    const release = () => this.#release(push ? button : key);
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.setPointerCapture(event.pointerId);
      press();
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, release);
    // Without a pointer: Enter or Space on the focused button is a tap.
    button.addEventListener("click", ({ detail }) => {
      if (detail !== 0) return;
      press();
      release();
    });
  }

  /** A slider was moved: channel `i` to `value` of the action space. */
  slide(i: number, value: number): void {
    if (this.#springs(i)) {
      this.#slid.set(i, value);
      this.#let.delete(i);
    } else {
      this.#row[i] = value;
      this.#moved = true;
    }
    this.onInput();
  }

  /** A slider was let go of. It springs back when a tick has seen it. */
  letGo(i: number): void {
    if (this.#slid.has(i)) this.#let.add(i);
  }

  #springs(i: number): boolean {
    return this.#spec?.action[i]?.idle !== undefined;
  }

  #channel(name: string): number {
    return (this.#spec as EnvSpec).action.findIndex((channel) => channel.name === name);
  }

  #goTo(units: Moves): void {
    const spec = this.#spec as EnvSpec;
    const rows = scale(
      spec,
      spec.action.map(({ name, low }) => units[name] ?? low),
    );
    for (const name of Object.keys(units)) this.#row[this.#channel(name)] = rows[this.#channel(name)] as number;
    this.#moved = true;
    this.onInput();
  }

  #addDrag(units: Moves = {}): void {
    for (const [name, amount] of Object.entries(units)) this.#drag[name] = (this.#drag[name] ?? 0) + amount;
    this.onInput();
  }

  #takeDrag(row: Float32Array): void {
    const { action, stride } = this.#spec as EnvSpec;
    for (const [name, amount] of Object.entries(this.#drag)) {
      const i = this.#channel(name);
      const perTick = (action[i]?.high ?? 1) * stride;
      const wanted = amount / perTick;
      const taken = Math.min(1, Math.max(-1, wanted));
      const left = Math.min(DRAG_TICKS, Math.max(-DRAG_TICKS, wanted - taken));
      row[i] = (row[i] as number) + taken;
      this.#drag[name] = Math.abs(left) < STILL ? 0 : left * perTick;
    }
  }

  #keyDown(event: KeyboardEvent): void {
    this.#slow = event.shiftKey;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey || isTheirs(event.target, key)) return;
    if (!this.knows(key)) return;
    event.preventDefault();
    if (!event.repeat) this.#press(key);
  }

  #keyUp(key: string): void {
    if (key === "shift") this.#slow = false;
    this.#release(key);
  }

  #press(key: string): void {
    const push = this.#keys[key];
    if (push) this.#push(key, push);
    else if (GRIPPER_KEYS.includes(key)) this.#turnGripper();
  }

  #push(source: unknown, push: Moves): void {
    this.#held.set(source, push);
    this.#tapped.add(push);
    this.onInput();
  }

  #release(source: unknown): void {
    this.#held.delete(source);
  }

  // The first channel that opens and closes; -1 for none.
  get #gripper(): number {
    return this.#spec?.action.findIndex(({ kind }) => kind === "gripper") ?? -1;
  }

  #turnGripper(): void {
    const i = this.#gripper;
    if (i < 0) return;
    this.#grip.set(i, { ticks: GRIPPER_TICKS, closed: !this.#grip.get(i)?.closed });
    this.onInput();
  }
}

function pairOf(name: string, i: number): Readonly<Record<string, Moves>> {
  const [less, more] = [...(PAIRS[i] ?? "")];
  return less && more ? { [less]: { [name]: -1 }, [more]: { [name]: 1 } } : {};
}

// Fields keep their keys; a focused button keeps Space, a slider what moves it.
function isTheirs(target: EventTarget | null, key: string): boolean {
  if (target instanceof HTMLInputElement && target.type === "range") return key.startsWith("arrow") || key === " ";
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return true;
  return (
    key === " " &&
    (target instanceof HTMLButtonElement || (target instanceof HTMLElement && target.tagName === "SUMMARY"))
  );
}
