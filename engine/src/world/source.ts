// Where the bytes of a world come from. The loader knows no more of it than this: folder.ts and url.ts are what there is.
import { WorldFileError } from "@worldstep/protocols";

export interface Source {
  /**
   * The file `name` of the world. Of one that is longer than `most` bytes not all may be there, but more than `most` are.
   * Throws `WorldFileError` (`world_missing_file`, and of a URL `world_unreachable`).
   */
  open(name: string, most: number): Promise<SourceFile>;
}

export interface SourceFile {
  /** What errors call it. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** In hex. */
  sha256(): Promise<string>;
  /**
   * The bytes `[from, to)`, in a buffer of their own. Who takes them reads them no more: a source that keeps its bytes in memory lets go of them.
   * Throws `WorldFileError` (`world_file_truncated`) for bytes behind the end.
   */
  take(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Lets go of all of it. */
  close(): Promise<void>;
}

export function truncated(file: string, got: number, expected: number): WorldFileError {
  return new WorldFileError(
    "world_file_truncated",
    `${file} ends after ${got} bytes of ${expected}`,
    "copy the file again",
    { file, expected, got },
  );
}
