// The form: what the visitor chooses, and the buttons. It changes nothing itself; it says what is wanted.
import type { Duel, Start } from "./duel.js";
import { offer, part } from "./page.js";

const NFE_CHOICES = [1, 2, 4, 8];
const SEEDS = 1000;

/** What a button or a choice asks for. */
export interface Wishes {
  reset(): void;
  step(): void;
  /** A choice that the loop should look at: pause, autopilot, mode. */
  changed(): void;
}

export class Panel {
  readonly #task = part("task", HTMLSelectElement);
  readonly #seed = part("seed", HTMLInputElement);
  readonly #limit = part("limit", HTMLSelectElement);
  readonly #nfe = part("nfe", HTMLSelectElement);
  readonly #onlyActive = part("only-active", HTMLInputElement);
  readonly #pilot = part("pilot", HTMLButtonElement);
  readonly #pause = part("pause", HTMLButtonElement);

  constructor(readonly wishes: () => Wishes | undefined) {
    const ask = (what: keyof Wishes) => this.wishes()?.[what]();
    this.#pilot.addEventListener("click", () => {
      this.pilot = !this.pilot;
      if (this.pilot) this.paused = false;
      ask("changed");
    });
    this.#pause.addEventListener("click", () => {
      this.paused = !this.paused;
      ask("changed");
    });
    part("step", HTMLButtonElement).addEventListener("click", () => {
      this.paused = true;
      ask("step");
    });
    part("reset", HTMLButtonElement).addEventListener("click", () => ask("reset"));
    part("dice", HTMLButtonElement).addEventListener("click", () => {
      this.drawSeed();
      ask("reset");
    });
    for (const choice of [this.#task, this.#seed, this.#limit]) choice.addEventListener("change", () => ask("reset"));
    this.#onlyActive.addEventListener("change", () => ask("changed"));
    // The keys belong to the arm again once a choice is made.
    for (const choice of [this.#task, this.#limit, this.#nfe, this.#onlyActive]) {
      choice.addEventListener("change", () => choice.blur());
    }
    addEventListener("keydown", ({ key, target }) => {
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      if (key === "p") this.#pause.click();
      else if (key === ".") part("step", HTMLButtonElement).click();
      else if (key === "Enter" && !(target instanceof HTMLButtonElement)) ask("reset");
    });
  }

  /** Whether the autopilot steers. */
  get pilot(): boolean {
    return this.#pilot.ariaPressed === "true";
  }

  set pilot(on: boolean) {
    this.#pilot.ariaPressed = String(on);
  }

  get paused(): boolean {
    return this.#pause.ariaPressed === "true";
  }

  set paused(on: boolean) {
    this.#pause.ariaPressed = String(on);
  }

  get onlyActive(): boolean {
    return this.#onlyActive.checked;
  }

  /** Undefined where no world samples. */
  get nfe(): number | undefined {
    return this.#nfe.value === "" ? undefined : Number(this.#nfe.value);
  }

  /** The seed as it is written, for the worlds to judge. */
  get start(): Start {
    const limit = this.#limit.value;
    const seed = this.#seed.value.trim();
    return {
      seed: seed === "" ? Number.NaN : Number(seed),
      task: this.#task.value,
      maxTicks: limit === "" ? undefined : Number(limit),
    };
  }

  drawSeed(): void {
    this.#seed.value = String(Math.floor(Math.random() * SEEDS));
  }

  /** Offers what the worlds of `duel` can do. */
  fill({ envs, spec }: Duel): void {
    const { nfe, tasks = spec.tasks } = envs.dreamed?.spec ?? {};
    const common = spec.tasks.filter((task) => tasks.includes(task));
    offer(this.#task, common, common[0] ?? "");
    const choices = nfe === undefined ? [] : NFE_CHOICES.filter((n) => n >= nfe.min && n <= nfe.max);
    if (nfe && !choices.includes(nfe.default)) choices.push(nfe.default);
    offer(this.#nfe, choices.map(String), String(nfe?.default ?? ""));
    part("nfe-field", HTMLElement).hidden = choices.length === 0;
  }
}
