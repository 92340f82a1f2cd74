// Hands: keys, the page's own buttons (a phone has no keys) and the pointer on a picture, as the move of the next tick.
import type { EnvSpec } from "@worldstep/sdk";
import { channelOf, type Move } from "./move.js";
import { NEARER, PICTURE_METRES, RIGHT } from "./tabletop.js";

/** What a held key does; `data-key` on a button of the page names one. */
type Push = "away" | "nearer" | "left" | "right" | "up" | "down" | "turnLeft" | "turnRight";

const KEYS: Readonly<Record<string, Push>> = {
  w: "away",
  arrowup: "away",
  s: "nearer",
  arrowdown: "nearer",
  a: "left",
  arrowleft: "left",
  d: "right",
  arrowright: "right",
  e: "up",
  r: "up",
  q: "down",
  f: "down",
  z: "turnLeft",
  x: "turnRight",
};
const GRIPPER_KEYS = [" ", "g"];
const SPEED = { normal: 0.7, slow: 0.2 };
// The fingers close in one tick; a second one makes sure of the grip.
const GRIPPER_TICKS = 2;
const WHEEL_METRES = 0.0002; // a pixel of scrolling
// A fast drag is followed for so many ticks, and then forgotten.
const DRAG_TICKS = 6;
const STILL_METRES = 0.0005;

export class Controls {
  /** Whether the next `take` moves something. */
  get active(): boolean {
    return this.#held.size > 0 || this.#tapped.size > 0 || this.#gripperTicks > 0 || this.#dragged();
  }

  closed = false;
  readonly #held = new Set<string>();
  // Keys that went up before a tick saw them.
  readonly #tapped = new Set<Push>();
  #slow = false;
  #gripperTicks = 0;
  // Metres along x, y and z that the pointer asked for and the arm has not been told yet.
  #drag: [number, number, number] = [0, 0, 0];

  /** `onInput` is called whenever a hand does something. */
  constructor(readonly onInput: () => void) {
    addEventListener("keydown", (event) => this.#keyDown(event));
    addEventListener("keyup", ({ key }) => this.#release(key.toLowerCase()));
    addEventListener("blur", () => this.#held.clear());
  }

  /** Dragging on `picture` moves the arm in the plane, the wheel moves it up and down. */
  addPicture(picture: HTMLElement): void {
    picture.addEventListener("pointerdown", (event) => picture.setPointerCapture(event.pointerId));
    picture.addEventListener("pointermove", (event) => {
      if (!picture.hasPointerCapture(event.pointerId)) return;
      const right = (event.movementX / picture.clientWidth) * PICTURE_METRES.across;
      const nearer = (event.movementY / picture.clientHeight) * PICTURE_METRES.along;
      this.#drag[0] += right * RIGHT[0] + nearer * NEARER[0];
      this.#drag[1] += right * RIGHT[1] + nearer * NEARER[1];
      this.onInput();
    });
    picture.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#drag[2] -= event.deltaY * WHEEL_METRES;
        this.onInput();
      },
      { passive: false },
    );
  }

  /** Holding `button` is holding the key that its `data-key` names. */
  addButton(button: HTMLButtonElement): void {
    const key = button.dataset.key ?? "";
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.setPointerCapture(event.pointerId);
      this.#press(key);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, () => this.#release(key));
    }
    // Without a pointer: Enter or Space on the focused button is a tap.
    button.addEventListener("click", ({ detail }) => {
      if (detail !== 0) return;
      this.#press(key);
      this.#release(key);
    });
  }

  /** After a reset nothing asked before counts, and the gripper is as the world says. */
  forget(): void {
    this.#tapped.clear();
    this.#drag = [0, 0, 0];
    this.#gripperTicks = 0;
    this.closed = false;
  }

  /** The move of the next tick of a world with `spec`; what it moves is not asked again. */
  take(spec: EnvSpec): Move {
    const pushes = new Set([...this.#tapped, ...[...this.#held].flatMap((key) => KEYS[key] ?? [])]);
    this.#tapped.clear();
    const speed = this.#slow ? SPEED.slow : SPEED.normal;
    const axis = (plus: Push, minus: Push): number => speed * (Number(pushes.has(plus)) - Number(pushes.has(minus)));
    const [right, nearer] = [axis("right", "left"), axis("nearer", "away")];
    const gripper = this.#gripperTicks > 0 ? (this.closed ? 1 : -1) : 0;
    this.#gripperTicks = Math.max(0, this.#gripperTicks - 1);
    return {
      dx: right * RIGHT[0] + nearer * NEARER[0] + this.#takeDrag(spec, "dx", 0),
      dy: right * RIGHT[1] + nearer * NEARER[1] + this.#takeDrag(spec, "dy", 1),
      dz: axis("up", "down") + this.#takeDrag(spec, "dz", 2),
      yaw: axis("turnLeft", "turnRight"),
      gripper,
    };
  }

  #takeDrag(spec: EnvSpec, key: keyof Move, axis: 0 | 1 | 2): number {
    const metresPerTick = (channelOf(spec, key)?.size ?? 1) * spec.stride;
    const wanted = this.#drag[axis] / metresPerTick;
    const taken = Math.min(1, Math.max(-1, wanted));
    const left = Math.min(DRAG_TICKS, Math.max(-DRAG_TICKS, wanted - taken)) * metresPerTick;
    this.#drag[axis] = Math.abs(left) < STILL_METRES ? 0 : left;
    return taken;
  }

  #dragged(): boolean {
    return this.#drag.some((metres) => metres !== 0);
  }

  #keyDown(event: KeyboardEvent): void {
    this.#slow = event.shiftKey;
    if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    const key = event.key.toLowerCase();
    // A focused button keeps Space for itself.
    if (key === " " && event.target instanceof HTMLButtonElement) return;
    if (KEYS[key] === undefined && !GRIPPER_KEYS.includes(key)) return;
    event.preventDefault();
    if (!event.repeat) this.#press(key);
  }

  #press(key: string): void {
    const push = KEYS[key];
    if (push) {
      this.#held.add(key);
      this.#tapped.add(push);
    } else if (GRIPPER_KEYS.includes(key)) {
      this.closed = !this.closed;
      this.#gripperTicks = GRIPPER_TICKS;
    }
    this.onInput();
  }

  #release(key: string): void {
    if (key === "shift") this.#slow = false;
    this.#held.delete(key);
  }
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}
