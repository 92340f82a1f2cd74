// Reading what a caller passed before the call has its turn.

/** What `read` gives now, while the arguments are as they were passed; and what it throws when it is asked for. */
export function attempt<T>(read: () => T): () => T {
  try {
    const value = read();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
