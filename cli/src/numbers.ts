// Numbers from the command line, checked as they are parsed.
import { InvalidArgumentError } from "commander";

/** A parser of whole numbers in [min, max], multiples of `of`, for commander's options. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER, of = 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max && value % of === 0)
      return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Give a ${of === 1 ? "whole number" : `multiple of ${of}`} ${range}.`);
  };
}

/** A parser of a share above 0 and up to 1, for commander's options. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= 1) return value;
  throw new InvalidArgumentError("Give a number above 0 and up to 1.");
}
