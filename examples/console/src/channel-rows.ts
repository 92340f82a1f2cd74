// A slider for each channel of the world's actions, with a button to either side.
import type { Channel, EnvSpec } from "@worldstep/sdk";
import type { Moves } from "./known.js";
import { inUnits } from "./row.js";

/** Who is told of what is moved. */
interface Listener {
  slide(channel: number, value: number): void;
  letGo(channel: number): void;
  addButton(button: HTMLButtonElement, push: Moves): void;
}

const STEPS = 200;

export class ChannelRows {
  #spec: EnvSpec | undefined;
  #sliders: HTMLInputElement[] = [];
  #values: HTMLOutputElement[] = [];
  readonly #grabbed = new Set<HTMLInputElement>();

  constructor(
    readonly place: HTMLElement,
    readonly listener: Listener,
  ) {}

  /** Rows for the channels of `spec`; `pairs` are the two keys of each, where keys push single channels. */
  fill(spec: EnvSpec, pairs: readonly string[]): void {
    this.#spec = spec;
    this.#sliders = [];
    this.#values = [];
    this.place.replaceChildren(...spec.action.map((channel, i) => this.#row(channel, i, pairs[i])));
  }

  /** Sliders and numbers at `row`, `[A]` in the action space; one that is held stays under the hand. */
  show(row: ArrayLike<number>): void {
    const spec = this.#spec as EnvSpec;
    for (const [i, slider] of this.#sliders.entries()) {
      if (!this.#grabbed.has(slider)) slider.value = String(row[i]);
      const output = this.#values[i] as HTMLOutputElement;
      const text = numberOf(inUnits(spec, row, i), spec.action[i] as Channel);
      if (output.value !== text) output.value = text;
    }
  }

  #row({ name, unit, kind }: Channel, i: number, pair: string | undefined): HTMLElement {
    const { low, high } = (this.#spec as EnvSpec).actionSpace;
    const row = element("div", "channel");
    const label = element("label");
    label.htmlFor = `channel-${i}`;
    const note = [kind === "absolute" ? "" : kind, unit ?? ""].filter((word) => word !== "").join(", ");
    label.append(name, " ", element("small", "", note));

    const slider = element("input");
    slider.type = "range";
    slider.id = `channel-${i}`;
    slider.min = String(low);
    slider.max = String(high);
    slider.step = String(kind === "flag" ? high - low : (high - low) / STEPS);
    slider.addEventListener("input", () => {
      this.listener.slide(i, Number(slider.value));
    });
    slider.addEventListener("pointerdown", () => this.#grabbed.add(slider));
    for (const end of ["change", "pointerup", "pointercancel", "blur"]) {
      slider.addEventListener(end, () => {
        this.#grabbed.delete(slider);
        this.listener.letGo(i);
      });
    }
    this.#sliders.push(slider);

    const value = element("output");
    value.htmlFor.add(slider.id);
    this.#values.push(value);

    row.append(label, value, this.#button(name, -1, pair?.[0]), slider, this.#button(name, 1, pair?.[1]));
    return row;
  }

  #button(name: string, direction: -1 | 1, key: string | undefined): HTMLButtonElement {
    const button = element("button", "", key?.toUpperCase() ?? (direction < 0 ? "−" : "+"));
    button.type = "button";
    button.ariaLabel = `${name} ${direction < 0 ? "less" : "more"}`;
    this.listener.addButton(button, { [name]: direction });
    return button;
  }
}

// As many digits as the channel's range needs.
function numberOf(value: number, { low, high }: Channel): string {
  const digits = Math.min(6, Math.max(0, Math.ceil(2 - Math.log10(high - low || 1))));
  const rounded = value.toFixed(digits);
  return Number(rounded) === 0 ? (0).toFixed(digits) : rounded;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}
