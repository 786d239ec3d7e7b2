// Callbacks of the application, which may have bugs.

/** What it throws is thrown where nothing catches it, so that it is reported, and takes nothing from anybody else. */
export function told(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
