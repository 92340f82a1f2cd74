import fc from "fast-check";
import { expect, it } from "vitest";
import { SlidingWindow } from "./window.js";

it("holds what a memory that shifts would hold, each tick with its age", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 60 }), (size, pushes) => {
      const window = new SlidingWindow(size);
      const slots: (number | undefined)[] = new Array(size + 1).fill(undefined);
      const shifting: number[] = []; // newest first, without the sink
      for (let tick = 0; tick < pushes; tick++) {
        slots[window.slot(tick)] = tick;
        if (tick > 0) shifting.unshift(tick);
        shifting.splice(size);
      }
      for (const [slot, tick] of slots.entries()) {
        const age = tick === undefined ? undefined : tick === 0 ? size + 1 : shifting.indexOf(tick) + 1;
        expect(window.age(slot, pushes)).toBe(age);
      }
      expect(slots.filter((tick) => tick !== undefined && tick > 0)).toHaveLength(shifting.length);
    }),
  );
});
