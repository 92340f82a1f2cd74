// Where a server's log goes: stderr, without ever waiting for who reads it. A pipe that nobody drains is full after some
// hundred lines, and a write to it stops the whole process; here the lines that don't fit are left out, and counted.
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Bytes that wait until the pipe takes them; beyond, lines are left out. */
const MOST_WAITING = 2 ** 18;
const RETRY_MS = 100;

export interface Log {
  write(line: string): void;
}

/** A log on the file descriptor `fd`, by default stderr. */
export function openLog(fd = 2): Log {
  if (fstatSync(fd).isSocket()) return socketLog(fd);
  try {
    // A description of its own, because not to wait is a property of that, and others may share the one that we got.
    return new PatientLog(
      openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK),
    );
  } catch {
    return fd === 2 ? process.stderr : new PatientLog(fd); // no Linux, or a file that may not be opened again
  }
}

function socketLog(fd: number): Log {
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on("error", () => undefined); // whoever read it is gone
  socket.unref();
  return {
    write: (line) => {
      if (socket.writableLength < MOST_WAITING) socket.write(line);
    },
  };
}

class PatientLog implements Log {
  private waiting = Buffer.alloc(0);
  private leftOut = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly fd: number) {}

  write(line: string): void {
    if (this.waiting.length + line.length > MOST_WAITING) {
      this.leftOut += 1;
      return;
    }
    this.waiting = Buffer.concat([this.waiting, Buffer.from(line)]);
    if (this.timer === undefined) this.flush();
  }

  private flush(): void {
    this.timer = undefined;
    try {
      while (this.waiting.length > 0) this.waiting = this.waiting.subarray(writeSync(this.fd, this.waiting));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) {
        this.waiting = Buffer.alloc(0); // whoever read it is gone
        return;
      }
      this.timer = setTimeout(() => this.flush(), RETRY_MS);
      this.timer.unref();
      return;
    }
    if (this.leftOut === 0) return;
    const told = `{"level":40,"msg":"the log was not read: ${this.leftOut} lines were left out"}\n`;
    this.leftOut = 0;
    this.write(told);
  }
}
