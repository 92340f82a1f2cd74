// Whether a frame shows each cube once. A network that was trained to say where the cubes are says so whether they are
// there or not; their colours don't lie.

/** For each cube, red, green, blue: how many separate spots of its colour there are. */
export function countCubes(frame: Uint8Array, size: number): number[] {
  return IS_COLOUR.map((isColour) => spots(frame, size, isColour));
}

/** Fewer pixels than this are an edge or a rest of a hidden cube; a cube in full view has 25 and more at 64 x 64. */
const FEWEST = 7;

// Saturated colours of the cubes under all lights: the button is yellow, the goal magenta, the arm orange.
const IS_COLOUR: readonly ((r: number, g: number, b: number) => boolean)[] = [
  (r, g, b) => r > 90 && r > 2.2 * g && r > 2.2 * b,
  (r, g, b) => g > 60 && g > 1.7 * r && g > 1.5 * b,
  (r, g, b) => b > 90 && b > 1.6 * r && b > 1.35 * g,
];

function spots(frame: Uint8Array, size: number, isColour: (r: number, g: number, b: number) => boolean): number {
  const scale = (size / 64) ** 2;
  const open = new Uint8Array(size * size);
  for (let i = 0; i < open.length; i++) {
    open[i] = Number(isColour(frame[3 * i] as number, frame[3 * i + 1] as number, frame[3 * i + 2] as number));
  }
  let count = 0;
  for (let i = 0; i < open.length; i++) if (open[i] === 1 && take(open, size, i) >= FEWEST * scale) count++;
  return count;
}

// Takes the spot around pixel `start` out of `open`; returns how many pixels it had. Corners touch.
function take(open: Uint8Array, size: number, start: number): number {
  const front = [start];
  open[start] = 0;
  let pixels = 0;
  for (let at = front.pop(); at !== undefined; at = front.pop()) {
    pixels++;
    const [x, y] = [at % size, Math.floor(at / size)];
    for (let v = Math.max(0, y - 1); v <= Math.min(size - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(size - 1, x + 1); u++) {
        const next = v * size + u;
        if (open[next] === 1) front.push(next);
        open[next] = 0;
      }
    }
  }
  return pixels;
}
