// gifenc brings no types. Only what this package calls; https://github.com/mattdesl/gifenc has the rest.
declare module "gifenc" {
  type Palette = readonly (readonly number[])[];

  interface Encoder {
    writeFrame(
      index: Uint8Array,
      width: number,
      height: number,
      options: { palette?: Palette; delay?: number; repeat?: number },
    ): void;
    finish(): void;
    bytes(): Uint8Array;
  }

  const gifenc: {
    GIFEncoder(): Encoder;
    /** At most `colours` colours that stand for the RGBA pixels. */
    quantize(rgba: Uint8Array, colours: number): Palette;
    /** For each pixel the index of the nearest colour. */
    applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array;
  };
  export default gifenc;
}
