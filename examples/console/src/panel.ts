// The form: what the visitor chooses, and the buttons. It changes nothing itself; it says what is wanted.
import type { EnvSpec } from "@worldstep/sdk";
import type { Duel } from "./duel.js";
import { goalOf, knownOf } from "./known.js";
import { offer, part, write } from "./page.js";
import { type OwnPicture, readPicture } from "./picture.js";
import type { Start } from "./seen.js";

const NFE_CHOICES = [1, 2, 4, 8];
const SEEDS = 1000;
// The task's choice that means all of them, in the order in which the expert shows them.
const IN_TURN = "";
const TURNS = ["pick-place", "stack", "push", "reach"];

/** What a button or a choice asks for. */
export interface Wishes {
  reset(): void;
  step(): void;
  /** A choice that the loop should look at: pause, who plays, mode. */
  changed(): void;
  /** Back to the newest tick, and on from there. */
  resume(): void;
}

export class Panel {
  picture: OwnPicture | undefined;
  readonly #task = part("task", HTMLSelectElement);
  readonly #seed = part("seed", HTMLInputElement);
  readonly #limit = part("limit", HTMLSelectElement);
  readonly #nfe = part("nfe", HTMLSelectElement);
  readonly #onlyActive = part("only-active", HTMLInputElement);
  readonly #pilot = part("pilot", HTMLButtonElement);
  readonly #hands = part("hands", HTMLButtonElement);
  readonly #pause = part("pause", HTMLButtonElement);
  readonly #file = part("picture-file", HTMLInputElement);
  #turn = 0;

  constructor(
    readonly wishes: () => Wishes | undefined,
    readonly onError: (error: unknown) => void,
  ) {
    const ask = (what: keyof Wishes) => this.wishes()?.[what]();
    this.#pilot.addEventListener("click", () => {
      this.pilot = true;
      ask("resume");
    });
    this.#hands.addEventListener("click", () => {
      this.pilot = false;
      ask("changed");
    });
    this.#pause.addEventListener("click", () => {
      this.paused = !this.paused;
      ask(this.paused ? "changed" : "resume");
    });
    part("step", HTMLButtonElement).addEventListener("click", () => {
      this.paused = true;
      ask("step");
    });
    part("reset", HTMLButtonElement).addEventListener("click", () => ask("reset"));
    part("dice", HTMLButtonElement).addEventListener("click", () => {
      this.next();
      ask("reset");
    });
    for (const choice of [this.#task, this.#seed, this.#limit]) choice.addEventListener("change", () => ask("reset"));
    this.#onlyActive.addEventListener("change", () => ask("changed"));
    // The keys belong to the robot again once a choice is made.
    for (const choice of document.querySelectorAll<HTMLElement>("select, [type=checkbox]")) {
      choice.addEventListener("change", () => choice.blur());
    }
    addEventListener("click", ({ detail, target }) => {
      if (detail > 0 && target instanceof HTMLButtonElement) target.blur();
    });
    addEventListener("keydown", ({ key, target }) => {
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      if (key === "p") this.#pause.click();
      else if (key === ".") part("step", HTMLButtonElement).click();
      else if (key === "Enter" && !(target instanceof HTMLButtonElement)) ask("reset");
    });
    this.#takePictures();
  }

  /** Whether the page's expert plays; else the visitor does. */
  get pilot(): boolean {
    return this.#pilot.ariaPressed === "true";
  }

  set pilot(on: boolean) {
    this.#pilot.ariaPressed = String(on);
    this.#hands.ariaPressed = String(!on);
  }

  get paused(): boolean {
    return this.#pause.ariaPressed === "true";
  }

  set paused(on: boolean) {
    this.#pause.ariaPressed = String(on);
    write("pause", on ? "Resume" : "Pause");
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
      task: this.#task.value === IN_TURN ? (TURNS[this.#turn % TURNS.length] as string) : this.#task.value,
      maxTicks: limit === "" ? undefined : Number(limit),
      picture: this.picture,
    };
  }

  /** Another seed, and the next task where they come in turn. */
  next(): void {
    this.#turn += 1;
    this.drawSeed();
  }

  drawSeed(): void {
    this.#seed.value = String(Math.floor(Math.random() * SEEDS));
  }

  /** Shows the seed of an episode that was resumed. */
  goOnWith({ seed, task }: Start): void {
    this.#seed.value = String(seed);
    if (this.#task.value === IN_TURN) this.#turn = Math.max(0, TURNS.indexOf(task));
    else this.#task.value = task;
  }

  /** Offers what the worlds of `duel` can do. */
  fill({ envs, sides, spec }: Duel): void {
    const specs = sides.map((side) => envs[side]?.spec as EnvSpec);
    const tasks = spec.tasks.filter((task) => specs.every((other) => other.tasks.includes(task)));
    const { hasExpert } = knownOf(spec);
    const inTurn = hasExpert && TURNS.every((task) => tasks.includes(task));
    const named = tasks.map((task): [string, string] => [task, goalOf(spec, task)]);
    offer(
      this.#task,
      new Map([...(inTurn ? [[IN_TURN, "Each task in turn"] as [string, string]] : []), ...named]),
      inTurn ? IN_TURN : (tasks[1] ?? tasks[0] ?? ""),
    );

    const seconds = spec.stride / spec.fps;
    const own = spec.maxTicks > 0 ? `${Math.round(spec.maxTicks * seconds)} s, as usual` : "none, as usual";
    offer(
      this.#limit,
      new Map([
        ["", own],
        [String(Math.round(60 / seconds)), "a minute"],
        ["0", "none"],
      ]),
      "",
    );

    const nfe = specs.find((other) => other.nfe !== undefined)?.nfe;
    const choices = nfe === undefined ? [] : NFE_CHOICES.filter((n) => n >= nfe.min && n <= nfe.max);
    if (nfe && !choices.includes(nfe.default)) choices.push(nfe.default);
    offer(this.#nfe, new Map(choices.map((n) => [String(n), String(n)])), String(nfe?.default ?? ""));
    this.#nfe.value = String(nfe?.default ?? "");
    part("nfe-field", HTMLElement).hidden = choices.length < 2;
    // A world whose default is the least was made for one look: more cost time and gain nothing.
    const gains = nfe !== undefined && nfe.default > nfe.min;
    write(
      "nfe-note",
      gains ? "more looks, better pictures" : "this world is at its best as it is: more is slower, not better",
    );
    part("more", HTMLDetailsElement).open = gains;

    part("picture-field", HTMLElement).hidden = !specs.some(({ acceptsFrames }) => acceptsFrames);
  }

  #takePictures(): void {
    const take = async (file: File | undefined) => {
      if (!file) return;
      try {
        this.picture = await readPicture(file);
      } catch {
        this.onError(new Error(`the browser can't read ${file.name} as a picture: choose a PNG or JPEG`));
        return;
      }
      this.#showPicture();
      this.wishes()?.reset();
    };
    this.#file.addEventListener("change", () => {
      take(this.#file.files?.[0]);
      this.#file.value = "";
    });
    part("choose-picture", HTMLButtonElement).addEventListener("click", () => this.#file.click());
    part("drop-picture", HTMLButtonElement).addEventListener("click", () => {
      this.picture = undefined;
      this.#showPicture();
      this.wishes()?.reset();
    });
    const pictures = part("pictures", HTMLElement);
    for (const kind of ["dragover", "dragleave", "drop"]) {
      addEventListener(kind, (event) => {
        event.preventDefault(); // else the browser opens a file that misses its place
        pictures.classList.toggle("dropping", kind === "dragover");
      });
    }
    addEventListener("drop", ({ dataTransfer }) => void take(dataTransfer?.files[0]));
  }

  #showPicture(): void {
    write("picture-name", this.picture?.name ?? "");
    part("drop-picture", HTMLElement).hidden = this.picture === undefined;
  }
}
