// Courses of an env, to be compared with one another.
import { type Env, type StepOptions, type StepResult, WorldError } from "@worldstep/protocols";
import type { CheckContext } from "./check.js";
import { actionAt, expect, expectEqual, expectSame } from "./expect.js";

/** What `call` gives; undefined where the env says with the code `cannot` that it has no such thing. */
export async function offered<T>(call: () => Promise<T>, cannot: string): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof WorldError && error.code === cannot) return undefined;
    throw error;
  }
}

/** A fresh env after a reset and a tick. */
export async function begun({ open, seed }: CheckContext, options: StepOptions = {}): Promise<Env> {
  const env = await open();
  await env.reset({ seed, maxTicks: 0 });
  await env.step(actionAt(env, 0), options);
  return env;
}

/** The next ticks, and the beginning of the next episode. */
export async function goOn(env: Env, { ticks }: CheckContext): Promise<Partial<StepResult>[]> {
  const course: Partial<StepResult>[] = [];
  for (let i = 1; i <= ticks; i++) {
    const result = await env.step(actionAt(env, i));
    course.push(result);
    if (result.terminated || result.truncated) break;
  }
  return [...course, await env.reset()];
}

export function expectSameCourse(
  got: readonly Partial<StepResult>[],
  expected: readonly Partial<StepResult>[],
  what: string,
): void {
  expectEqual(got.length, expected.length, `ticks of ${what}`);
  for (const [i, result] of expected.entries()) {
    expectSame(got[i] as Partial<StepResult>, result, `tick ${i + 1} of ${what}`);
  }
  expect(got.length > 1, `${what} made no tick`);
}
