// The script of a rollout: a JSON file that says where to start and what to do.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type EnvSpec, type FloatTensor, OptionError, toAction } from "@worldstep/protocols";
import { z } from "zod";
import { along } from "./spline.js";

const row = z.array(z.number()).min(1);

const scriptSchema = z
  .strictObject({
    /** Folder of the world, relative to the script; `--world` goes before it. */
    world: z.string().min(1).optional(),
    seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    task: z.string(),
    /** One of the world's start states; without it the seed chooses. */
    start: z.string().optional(),
    nfe: z.number().int().min(1).optional(),
    /** T action blocks `[T, stride, A]`. */
    actions: z.array(z.array(row).min(1)).min(1).optional(),
    /** Instead of `actions`: one row of A numbers, held for every control step of so many ticks. */
    moves: z
      .array(z.strictObject({ ticks: z.number().int().min(1), action: row }))
      .min(1)
      .optional(),
    /** Instead of both: a smooth way through points, for worlds whose actions are relative. */
    spline: z
      .strictObject({
        /** What an action of 1 adds to each channel in one control step. */
        perAction: row,
        /** So many seconds after the start, so far from where the arm was then, in the channels' units. */
        points: z.array(z.strictObject({ at: z.number().gt(0), by: row })).min(1),
      })
      .optional(),
  })
  .refine(({ actions, moves, spline }) => [actions, moves, spline].filter((way) => way !== undefined).length === 1, {
    message: "give one of actions, moves and spline",
  });

export type Script = Readonly<z.infer<typeof scriptSchema>>;
type Spline = NonNullable<Script["spline"]>;

/** The script in `file`, its world's folder made absolute. Throws `OptionError`: `script_missing`, `script_invalid`. */
export async function readScript(file: string): Promise<Script> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const remedy = "give --script the path of a JSON file, such as examples/scripted/pick.json";
    throw new OptionError("script_missing", `${file} can't be read`, remedy, { file }, { cause: error });
  });
  const parsed = scriptSchema.safeParse(parseJson(text, file));
  if (parsed.success) {
    const { world, ...rest } = parsed.data;
    return world === undefined ? rest : { ...rest, world: resolve(dirname(file), world) };
  }
  const issue = parsed.error.issues[0];
  throw invalid(file, issue?.path.join(".") ?? "", issue?.message ?? "");
}

/** The script's T action blocks for a world of `spec`, each `[stride, A]`. Throws `OptionError` (`script_invalid`). */
export function actionsOf({ actions, moves = [], spline }: Script, spec: EnvSpec, file: string): FloatTensor[] {
  if (spline) return alongSpline(spline, spec, file);
  if (actions) return actions.map((block, i) => checked(spec, block, file, `actions.${i}`));
  return moves.flatMap(({ ticks, action }, i) => {
    const block = checked(spec, Array(spec.stride).fill(action), file, `moves.${i}.action`);
    return Array<FloatTensor>(ticks).fill(block);
  });
}

// The differences of the path from one control step to the next, to the end of the tick in which it ends.
function alongSpline({ perAction, points }: Spline, spec: EnvSpec, file: string): FloatTensor[] {
  const [stride, size] = spec.actionSpace.shape as [number, number];
  const wrong = [perAction, ...points.map(({ by }) => by)].findIndex((values) => values.length !== size);
  if (wrong >= 0) {
    const path = wrong === 0 ? "spline.perAction" : `spline.points.${wrong - 1}.by`;
    throw invalid(
      file,
      path,
      `an action of this world has ${size} channels: ${spec.action.map(({ name }) => name).join(", ")}`,
    );
  }
  if (perAction.includes(0)) throw invalid(file, "spline.perAction", "an action that adds 0 leads nowhere");
  const late = points.findIndex(({ at }, i) => at <= (points[i - 1]?.at ?? 0));
  if (late >= 0) throw invalid(file, `spline.points.${late}.at`, "points are in the order of time");
  const ticks = Math.ceil(((points.at(-1)?.at ?? 0) * spec.fps) / stride - 1e-9);
  const times = Array.from({ length: 1 + ticks * stride }, (_, i) => i / spec.fps);
  const path = along([{ at: 0, by: perAction.map(() => 0) }, ...points], times);
  const rows = path
    .slice(1)
    .map((by, i) => by.map((value, k) => (value - (path[i]?.[k] as number)) / (perAction[k] as number)));
  const { low, high } = spec.actionSpace;
  const fast = rows.findIndex((row) => row.some((value) => value < low - 1e-9 || value > high + 1e-9));
  if (fast >= 0) {
    throw invalid(file, "spline.points", `the way is too fast ${(fast / spec.fps).toFixed(2)} s after the start`);
  }
  const clipped = rows.map((row) => row.map((value) => Math.min(high, Math.max(low, value))));
  return Array.from({ length: ticks }, (_, t) =>
    checked(spec, clipped.slice(t * stride, (t + 1) * stride), file, "spline"),
  );
}

function checked(spec: EnvSpec, rows: readonly number[][], file: string, path: string): FloatTensor {
  const [stride, size] = spec.actionSpace.shape;
  if (rows.length !== stride || rows.some((row) => row.length !== size)) {
    throw invalid(file, path, `an action block of this world is [${stride}, ${size}] numbers`);
  }
  try {
    return toAction(spec.actionSpace, rows);
  } catch (error) {
    if (error instanceof OptionError || !(error instanceof Error)) throw error;
    throw invalid(file, path, "summary" in error ? String(error.summary) : error.message);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(file, "", error.message);
    throw error;
  }
}

function invalid(file: string, path: string, what: string): OptionError {
  const where = path === "" ? file : `${file} at "${path}"`;
  return new OptionError(
    "script_invalid",
    `${where}: ${what}`,
    "fix the script; docs/command.md says what it may hold",
    {
      file,
      path,
    },
  );
}
